import Testing

@testable import Gateway

@Suite struct TokenCacheTests {
  private func value(_ cache: inout TokenCache<Int>, _ token: String) -> Int? { cache[token] }

  @Test func `what is asked for stays, the rest is forgotten, and the bound holds`() {
    var cache = TokenCache<Int>(capacity: 8)
    cache["kept"] = -1
    for number in 0..<1000 {
      cache["\(number)"] = number
      #expect(value(&cache, "kept") == -1)
      #expect(cache.count <= 8)
    }
    #expect(value(&cache, "999") == 999)
    #expect(value(&cache, "0") == nil)
  }

  @Test func `what is forgotten on purpose is gone from both generations`() {
    var cache = TokenCache<Int>(capacity: 4)
    cache["a"] = 1
    cache["b"] = 2
    cache["c"] = 3
    cache["a"] = nil
    cache["c"] = nil
    #expect(value(&cache, "a") == nil)
    #expect(value(&cache, "b") == 2)
    #expect(value(&cache, "c") == nil)
    cache.removeAll()
    #expect(value(&cache, "b") == nil)
    #expect(cache.count == 0)
  }

  @Test func `a value that is set again is the new one`() {
    var cache = TokenCache<Int>(capacity: 4)
    cache["a"] = 1
    cache["b"] = 1
    cache["c"] = 1
    cache["a"] = 2
    #expect(value(&cache, "a") == 2)
  }
}
