import Foundation

/// The programs of this package that were built beside the tests.
public enum BuiltProgram {
  /// The file of this name. Test bundles and programs are built into the same folder.
  public static func url(_ name: String) -> URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent(name)
  }
}
