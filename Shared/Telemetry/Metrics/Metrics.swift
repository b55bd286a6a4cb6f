/// The numbers a process tells about itself, in the Prometheus text format.
/// ```swift
/// let requests = metrics.counter("broker_requests_total", "Requests answered.", ["api": "Produce"])
/// let latency = metrics.histogram("broker_request_seconds", "From last byte read to first byte written.")
/// requests.add(1)
/// latency.observe(elapsed)
/// ```
/// Ask for a handle once, at set-up, and keep it: using it takes no lock and looks nothing up. The same name and labels
/// give the same handle. Any thread may register, use and render.
///
/// A label's values must be few and known beforehand. Should they come from outside after all, a name holds `seriesLimit`
/// sets of them; further ones share one series whose label values are `other`.
public final class Metrics: @unchecked Sendable {  // all that changes is touched under the lock only
  /// Label names and values, in the order they are written.
  public typealias Labels = KeyValuePairs<String, String>

  /// How many sets of label values one name may have.
  public static let seriesLimit = 500

  private let lock = Lock()
  private var families: [String: Family] = [:]
  private var order: [String] = []

  /// No metrics but those of the process itself: CPU, memory, open files, start.
  public init() {}

  /// A count that only grows; its name ends in `_total`.
  public func counter(_ name: String, _ help: String, _ labels: Labels = [:]) -> Counter {
    series(name, help, "counter", labels, Counter.init)
  }

  /// A value that goes up and down.
  public func gauge(_ name: String, _ help: String, _ labels: Labels = [:]) -> Gauge {
    series(name, help, "gauge", labels, Gauge.init)
  }

  /// How values are distributed; the name ends in its unit, `_seconds` for durations or `_bytes`.
  public func histogram(
    _ name: String, _ help: String, _ labels: Labels = [:], buckets: Buckets = .durations()
  ) -> Histogram {
    series(name, help, "histogram", labels) { Histogram(buckets) }
  }

  /// Every metric in text exposition format 0.0.4, to be served as `text/plain; version=0.0.4; charset=utf-8`.
  public func render() -> [UInt8] {
    var page = Exposition()
    let all = lock.withLock { order.map { ($0, families[$0]!) } }
    for (name, family) in all {
      page.begin(name, family.help, family.kind)
      for key in family.order { family.series[key]!.write(name, key, &page) }
    }
    writeProcessMetrics(&page)
    return page.bytes
  }

  private struct Family {
    let help: String
    let kind: String
    let labelNames: [String]
    var series: [String: any Series] = [:]
    var order: [String] = []
  }

  private func series<Kind: Series>(
    _ name: String, _ help: String, _ kind: String, _ labels: Labels, _ make: () -> Kind
  ) -> Kind {
    let names = labels.map(\.key)
    precondition(Self.isName(name, andColons: true), "not a metric name: \(name)")
    precondition(names.allSatisfy { Self.isName($0, andColons: false) && $0 != "le" }, "not label names: \(names)")

    return lock.withLock {
      if families[name] == nil {
        families[name] = Family(help: help, kind: kind, labelNames: names)
        order.append(name)
      }
      let family = families[name]!
      precondition(
        family.kind == kind && family.help == help && family.labelNames == names,
        "\(name) is registered twice with another kind, help or labels")

      var key = Exposition.labels(labels.map { ($0.key, $0.value) })
      if family.series[key] == nil, family.series.count >= Self.seriesLimit {
        key = Exposition.labels(names.map { ($0, "other") })
      }
      if let known = family.series[key] { return known as! Kind }
      let made = make()
      families[name]!.series[key] = made
      families[name]!.order.append(key)
      return made
    }
  }

  /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; labels have no colons.
  private static func isName(_ name: String, andColons: Bool) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy {
      switch $0 {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
      case 0x3A: andColons
      default: false
      }
    }
  }
}

/// One set of label values of a metric, and its numbers.
protocol Series: Sendable {
  /// Writes its lines; `labels` are rendered already.
  func write(_ name: String, _ labels: String, _ page: inout Exposition)
}
