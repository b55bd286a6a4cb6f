import Glibc

/// Appends what Linux tells about this process, under the names every Prometheus client library uses, and the anonymous
/// memory: what the process itself allocated, without the pages of files that come and go.
func writeProcessMetrics(_ page: inout Exposition) {
  func gauge(_ name: String, _ help: String, _ value: Double?, kind: String = "gauge") {
    guard let value else { return }
    page.begin(name, help, kind)
    page.sample(name, "", Exposition.number(value))
  }

  let cpu = statSeconds(14).flatMap { user in statSeconds(15).map { user + $0 } }
  gauge("process_cpu_seconds_total", "User and system CPU time.", cpu, kind: "counter")
  let status = textFile("/proc/self/status")
  gauge("process_resident_memory_bytes", "Memory in RAM.", kilobytes("VmRSS:", in: status))
  gauge(
    "process_resident_anonymous_memory_bytes", "Memory in RAM that no file backs.", kilobytes("RssAnon:", in: status))
  gauge("process_virtual_memory_bytes", "Address space in use.", kilobytes("VmSize:", in: status))
  gauge("process_open_fds", "Open file descriptors.", openDescriptors())
  gauge("process_max_fds", "Limit of open file descriptors.", descriptorLimit())
  gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.", processStart)
}

private func openDescriptors() -> Double? {
  guard let folder = opendir("/proc/self/fd") else { return nil }
  defer { closedir(folder) }
  var count = 0
  while readdir(folder) != nil { count += 1 }
  return Double(count - 3)  // ".", ".." and the folder itself
}

private func descriptorLimit() -> Double? {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
  return Double(limit.rlim_cur)
}

/// A field of `/proc/self/stat` that counts clock ticks, in seconds; numbered from 1 as in proc(5), above 2.
private func statSeconds(_ field: Int) -> Double? {
  let stat = textFile("/proc/self/stat")
  // The second field, the program's name, is in parentheses and may hold anything.
  guard let name = stat.lastIndex(of: ")") else { return nil }
  let fields = stat[name...].split(separator: " ")
  guard fields.count > field - 2, let ticks = Double(fields[field - 2]) else { return nil }
  return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
}

private let processStart: Double? = {
  let uptime = textFile("/proc/uptime").split(separator: " ").first.flatMap { Double($0) }
  guard let uptime, let sinceBoot = statSeconds(22) else { return nil }
  return Double(wallClockNanoseconds()) / 1_000_000_000 - uptime + sinceBoot
}()

/// The bytes of a `Name:   123 kB` line.
private func kilobytes(_ name: String, in status: String) -> Double? {
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
  return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) }
    .map { $0 * 1024 }
}

/// A file of `/proc`, at most 16 KiB of it; empty if it cannot be read.
private func textFile(_ path: String) -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return "" }
  defer { close(descriptor) }
  return String(unsafeUninitializedCapacity: 16_384) { max(0, read(descriptor, $0.baseAddress, $0.count)) }
}
