import Glibc
import SwiftOverlayShims  // where Swift finds C's `timespec`

/// Nanoseconds since 1970-01-01 UTC, leap seconds not counted. For showing to people: it may jump.
func wallClockNanoseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return now.tv_sec * 1_000_000_000 + now.tv_nsec
}
