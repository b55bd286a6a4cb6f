import Testing

/// The rules of this repository that a machine can check, on the sources as they are.
@Suite struct TidyTests {
  private let files = SourceTree.files

  @Test func `the whole repository is looked at`() {
    let paths = Set(files.map(\.path))
    for path in ["Package.swift", "mesh", "Shared/EventLoop/Loop.swift", "Services/Operator/main.swift"] {
      #expect(paths.contains(path))
    }
    #expect(files.count > 100)
  }

  @Test func `no file is too long to be read in one go`() { #expect(overlongFiles(files) == []) }

  @Test func `nothing is marked to be done later`() { #expect(leftoverMarks(files) == []) }

  @Test func `no test is switched off, and no machine's paths or addresses are written down`() {
    #expect(forbiddenPhrases(files) == [])
  }

  @Test func `tests are named by sentences`() { #expect(namelessTests(files) == []) }

  @Test func `modules import only what their layer may know`() { #expect(layerViolations(files) == []) }

  @Test func `each C library has one Swift module that speaks to it`() { #expect(sharedCModules(files) == []) }

  @Test func `folders and targets match`() { #expect(strayTargets(files) == []) }

  @Test func `files of one target have different names`() { #expect(repeatedNames(files) == []) }

  @Test func `code in documents is the code in the files`() { #expect(untrueQuotations(files) == []) }
}
