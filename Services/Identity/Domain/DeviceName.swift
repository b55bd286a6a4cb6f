import IdentityAPI

/// What a device is called that was given no name: what can be told from its `User-Agent` (RFC 9110, section 10.1.5).
enum DeviceName {
  /// "Chrome on Windows" for a browser, otherwise the name of the program; nil for one that says nothing of use.
  static func guess(from userAgent: String) -> PersonName? {
    let product = userAgent.drop { $0 == " " }.prefix { !" /(;".contains($0) }
    let browser = product == "Mozilla" ? name(in: userAgent, browsers) : nil
    let system = browser == nil ? nil : name(in: userAgent, systems)
    let text = [browser ?? String(product), system].compactMap(\.self).joined(separator: " on ")
    return try? PersonName(String(text.prefix(PersonName.maximumLength)))
  }

  private static func name(in userAgent: String, _ marks: [(mark: String, name: String)]) -> String? {
    marks.first { userAgent.contains($0.mark) }?.name
  }

  // Most browsers name those too that they want to be taken for: the first that fits is the true one.
  private static let browsers = [
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
  ]
  private static let systems = [
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
  ]
}
