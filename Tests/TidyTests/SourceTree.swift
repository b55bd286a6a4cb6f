import Foundation

/// One file of the repository.
struct SourceFile {
  /// From the repository's root: `Shared/Wire/HTTP/RequestTarget.swift`.
  let path: String
  let text: String

  init(_ path: String, _ text: String) { (self.path, self.text) = (path, text) }

  var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
  /// The lines with their numbers.
  var numbered: [(number: Int, line: Substring)] { lines.enumerated().map { ($0.offset + 1, $0.element) } }

  /// The modules that it imports.
  var imports: [String] {
    lines.compactMap { line in
      let words = line.split(separator: " ")
      guard let index = words.firstIndex(of: "import"), index + 1 < words.count else { return nil }
      guard words[..<index].allSatisfy({ $0.hasPrefix("@") || $0 == "public" || $0 == "private" }) else { return nil }
      // `import struct Module.Name` names the module last.
      let name = words[words.count - 1].split(separator: ".")[0]
      return String(name)
    }
  }

  /// The folder that makes it part of a module: `Shared/Wire` is Wire, `Services/Credits/API` is CreditsAPI.
  var module: String? {
    let parts = path.split(separator: "/").map(String.init)
    guard parts.count > 2, parts[0] == "Shared" || parts[0] == "Services" else { return nil }
    return parts[0] == "Services" && parts[2] == "API" ? "\(parts[1])API" : parts[1]
  }
}

/// All text files of the repository, read once.
enum SourceTree {
  static let files: [SourceFile] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
    let folders = ["Shared", "Services", "Tests", "deploy", "docs", ".ci"]
    var paths = ["Package.swift", "mesh", "README.md"]
    for folder in folders {
      let found = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
      paths += (found?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
    }
    return paths.filter { !$0.contains("__pycache__") }.sorted().compactMap { path in
      // Folders and what is not text have no text.
      guard let data = FileManager.default.contents(atPath: root.appending(path: path).path),
        let text = String(data: data, encoding: .utf8)
      else { return nil }
      return SourceFile(path, text)
    }
  }()
}
