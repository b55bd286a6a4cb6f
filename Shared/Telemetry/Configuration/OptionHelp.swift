extension Options {
  /// The `--help` page: every option with its variable, default and meaning.
  public static var help: String {
    var page = "\(about)\n\nUsage: \(program) [--flag value]...\n\n"
    page += "Each option may be given as a flag or as an environment variable; the flag wins.\n"
    for declaration in declarations {
      let flag = declaration.isSwitch ? "--\(declaration.flag)" : "--\(declaration.flag) VALUE"
      page +=
        "\n  \(flag)  (\(declaration.variable)\(declaration.isSecret ? " or \(declaration.variable)_FILE" : ""))\n"
      page += "      \(declaration.help)\n"
      page += "      Expected: \(declaration.expected). \(declaration.whenLeftOut)\n"
    }
    return page + "\n  --help\n      Shows this page.\n"
  }
}

extension OptionDeclaration {
  /// What happens when nobody sets it, in a sentence.
  fileprivate var whenLeftOut: String {
    switch defaultText {
    case nil: "Required."
    case "": "Optional."
    case let text?: "Default: \(text)."
    }
  }
}
