import Foundation

/// The longest file, in lines, that still can be read in one go.
private let lineLimit = 600

/// Files longer than a reader's patience. Data and text for people may be longer.
func overlongFiles(_ files: [SourceFile]) -> [String] {
  files.compactMap { file in
    let isCode =
      [".swift", ".c", ".h", ".py", ".sh", ".js"].contains { file.path.hasSuffix($0) } || !file.name.contains(".")
    let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
    guard isCode, count > lineLimit else { return nil }
    return "\(file.path) has \(count) lines, more than \(lineLimit): split it by what its parts are about"
  }
}

/// Marks of work that was left for later, which belongs in an issue.
func leftoverMarks(_ files: [SourceFile]) -> [String] {
  let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
  return files.flatMap { file in
    file.numbered.compactMap { number, line in
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      guard let mark = marks.first(where: { words.contains(Substring($0)) }) else { return nil }
      return "\(file.path):\(number) has a \(mark): do it, or open an issue"
    }
  }
}

/// Tests that are switched off, paths of somebody's machine, and addresses in build files.
func forbiddenPhrases(_ files: [SourceFile]) -> [String] {
  let everywhere = [("/ho" + "me/", "is a path of one machine"), ("/ro" + "ot/", "is a path of one machine")]
  let inTests = [
    (".disab" + "led(", "switches a test off"), ("XCT" + "Skip", "switches a test off"),
    ("withKnown" + "Issue", "lets a test fail"), ("pytest.mark.sk" + "ip", "switches a test off"),
    ("@unittest.sk" + "ip", "switches a test off"),
  ]
  let inScripts = [("http" + "://", "is a fixed address"), ("https" + "://", "is a fixed address")]
  return files.flatMap { file in
    var phrases = everywhere
    if file.path.hasPrefix("Tests/") { phrases += inTests }
    if file.path == "Package.swift" || file.path.hasSuffix(".sh") || !file.name.contains(".") { phrases += inScripts }
    return file.numbered.flatMap { number, line in
      phrases.filter { line.contains($0.0) && !line.contains("127.0.0.1") && !line.contains("localhost") }
        .map { "\(file.path):\(number) has '\($0.0)', which \($0.1)" }
    }
  }
}

/// Tests whose names do not say what holds: a raw identifier of several words does.
func namelessTests(_ files: [SourceFile]) -> [String] {
  files.filter { $0.path.hasPrefix("Tests/") && $0.isSwift }.flatMap { file in
    let lines = file.numbered
    return lines.indices.compactMap { index -> String? in
      guard lines[index].line.drop(while: { $0 == " " }).hasPrefix("@Test") else { return nil }
      // The attribute's arguments may stand between it and the function.
      let declaration = lines[index...].prefix(200).first { $0.line.contains("func ") }
      guard let line = declaration?.line, let start = line.firstRange(of: "func ")?.upperBound else {
        return "\(file.path):\(lines[index].number) is a test without a function"
      }
      let name = line[start...]
      let words = name.hasPrefix("`") ? name.dropFirst().prefix { $0 != "`" }.split(separator: " ").count : 1
      guard words < 2 else { return nil }
      return "\(file.path):\(lines[index].number): the test's name says too little; make it a sentence in backticks"
    }
  }
}

/// Code in documents that is not in the file it is said to be from: the words after "swift" of a fenced block.
func untrueQuotations(_ files: [SourceFile]) -> [String] {
  let texts = Dictionary(files.map { ($0.path, $0.text) }) { first, _ in first }
  return files.filter { $0.path.hasSuffix(".md") }.flatMap { file in
    file.text.components(separatedBy: "\n```swift ").dropFirst().compactMap { part in
      guard let end = part.firstIndex(of: "\n"), let close = part.range(of: "\n```") else {
        return "\(file.path) has a block of code without an end"
      }
      let source = String(part[..<end])
      guard let text = texts[source] else { return "\(file.path) quotes \(source), which does not exist" }
      guard !text.contains(part[end..<close.lowerBound]) else { return nil }
      return "\(file.path) quotes \(source) with other words than stand there"
    }
  }
}
