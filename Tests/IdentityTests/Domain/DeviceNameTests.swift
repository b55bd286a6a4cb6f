import IdentityAPI
import Testing

@testable import Identity

@Suite struct DeviceNameTests {
  private static let webKit = "AppleWebKit/537.36 (KHTML, like Gecko)"

  @Test(
    arguments: [
      ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) \(webKit) Chrome/126.0.0.0 Safari/537.36", "Chrome on Windows"),
      (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \(webKit) Chrome/126.0.0.0 Safari/537.36 Edg/126.0",
        "Edge on Windows"
      ),
      ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
      ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) \(webKit) Chrome/126.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
      ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) \(webKit) Version/17.5 Safari/605.1.15", "Safari on Mac"),
      (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) \(webKit) CriOS/126.0 Mobile/15E148 Safari/604.1",
        "Chrome on iPhone"
      ),
      (
        "Mozilla/5.0 (Linux; Android 14; K) \(webKit) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
        "Samsung Internet on Android"
      ),
      ("Mozilla/5.0 (PlayStation 5) Safari/605", "Safari"),
      ("Mozilla/5.0 (compatible; crawler/1.0)", "Mozilla"),
      ("curl/8.5.0", "curl"), ("skillmesh-ios/1.2 (iPhone; iOS 17.5)", "skillmesh-ios"), (" spaced/1", "spaced"),
      ("\(String(repeating: "x", count: 300))/1", String(repeating: "x", count: 100)), ("grün/1", "grün"),
      ("", nil), ("/", nil), ("   ", nil), ("(comment only)", nil), ("a\u{202E}b/1", nil), ("a\u{0}b", nil),
    ] as [(String, String?)])
  func `a device is called by its program`(_ userAgent: String, _ name: String?) {
    #expect(DeviceName.guess(from: userAgent)?.text == name)
  }
}
