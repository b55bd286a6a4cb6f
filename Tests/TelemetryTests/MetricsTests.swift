import Testing

@testable import Telemetry

private func page(_ metrics: Metrics) -> String { String(decoding: metrics.render(), as: UTF8.self) }

@Suite struct MetricsTests {
  @Test func `counters and gauges are shown with help, kind and labels`() {
    let metrics = Metrics()
    let produced = metrics.counter("requests_total", "Requests answered.", ["api": "Produce", "outcome": "ok"])
    metrics.counter("requests_total", "Requests answered.", ["api": "Fetch", "outcome": "ok"]).add(7)
    let depth = metrics.gauge("queue_length", "Waiting.")
    produced.add(1)
    produced.add(2)
    depth.set(0.5)
    depth.add(-2)
    #expect(
      page(metrics).hasPrefix(
        """
        # HELP requests_total Requests answered.
        # TYPE requests_total counter
        requests_total{api="Produce",outcome="ok"} 3
        requests_total{api="Fetch",outcome="ok"} 7
        # HELP queue_length Waiting.
        # TYPE queue_length gauge
        queue_length -1.5

        """))
  }

  @Test func `the same name and labels give the same handle`() {
    let metrics = Metrics()
    let first = metrics.counter("a_total", "h", ["x": "1"])
    #expect(first === metrics.counter("a_total", "h", ["x": "1"]))
    #expect(first !== metrics.counter("a_total", "h", ["x": "2"]))
  }

  @Test func `label values and help are escaped`() {
    let metrics = Metrics()
    metrics.counter("a_total", "line\nback\\slash \"quoted\"", ["x": "line\nback\\slash \"quoted\""]).add(1)
    #expect(
      page(metrics).hasPrefix(
        #"""
        # HELP a_total line\nback\\slash "quoted"
        # TYPE a_total counter
        a_total{x="line\nback\\slash \"quoted\""} 1

        """#))
  }

  @Test func `a histogram of durations is cumulative, in seconds, with bounds that double`() {
    let metrics = Metrics()
    let latency = metrics.histogram(
      "wait_seconds", "h", ["api": "x"], buckets: .durations(from: .milliseconds(1), count: 3))
    for duration: Duration in [.zero, .milliseconds(1), .microseconds(1_001), .milliseconds(4), .milliseconds(5)] {
      latency.observe(duration)
    }
    #expect(latency.count == 5)
    #expect(
      page(metrics).hasPrefix(
        """
        # HELP wait_seconds h
        # TYPE wait_seconds histogram
        wait_seconds_bucket{api="x",le="0.001"} 2
        wait_seconds_bucket{api="x",le="0.002"} 3
        wait_seconds_bucket{api="x",le="0.004"} 4
        wait_seconds_bucket{api="x",le="+Inf"} 5
        wait_seconds_sum{api="x"} 0.011001
        wait_seconds_count{api="x"} 5

        """))
  }

  @Test func `each value falls into the first bucket whose bound is not below it`() {
    let buckets = Buckets.amounts(from: 3, count: 10)
    for value in 0...4_000 {
      let expected = (0..<10).first { value <= 3 << $0 } ?? 10
      #expect(buckets.index(of: value) == expected, "\(value)")
    }
    #expect(buckets.index(of: .max) == 10)
  }

  @Test func `a histogram of amounts shows plain numbers`() {
    let metrics = Metrics()
    metrics.histogram("size_bytes", "h", buckets: .amounts(from: 64, count: 1)).observe(100)
    #expect(
      page(metrics).contains("size_bytes_bucket{le=\"64\"} 0\nsize_bytes_bucket{le=\"+Inf\"} 1\nsize_bytes_sum 100\n"))
  }

  @Test func `label values beyond the limit share one series`() {
    let metrics = Metrics()
    for number in 0..<(Metrics.seriesLimit + 50) { metrics.counter("a_total", "h", ["x": "\(number)"]).add(1) }
    let samples = page(metrics).split(separator: "\n").filter { $0.hasPrefix("a_total{") }
    #expect(samples.count == Metrics.seriesLimit + 1)
    #expect(samples.last == #"a_total{x="other"} 50"#)
  }

  @Test func `counts of several threads all arrive`() async {
    let metrics = Metrics()
    let counter = metrics.counter("a_total", "h")
    let gauge = metrics.gauge("b", "h")
    let histogram = metrics.histogram("c_seconds", "h")
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<10_000 {
            counter.add(1)
            gauge.add(1)
            histogram.observe(.milliseconds(1))
          }
        }
      }
    }
    #expect(counter.value == 40_000)
    #expect(gauge.value == 40_000)
    #expect(histogram.count == 40_000)
  }

  @Test func `the process tells its CPU time, memory, open files and start`() throws {
    let samples = page(Metrics()).split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
    let values = Dictionary(uniqueKeysWithValues: samples.map { (String($0[0]), Double($0[1]) ?? .nan) })
    let resident = try #require(values["process_resident_memory_bytes"])
    let anonymous = try #require(values["process_resident_anonymous_memory_bytes"])
    #expect(anonymous > 100_000 && anonymous < resident)
    #expect(try #require(values["process_open_fds"]) >= 3)
    #expect(try #require(values["process_max_fds"]) >= 64)
    #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
    let now = Double(wallClockNanoseconds()) / 1e9
    #expect((now - 3_600...now + 1).contains(try #require(values["process_start_time_seconds"])))
  }
}
