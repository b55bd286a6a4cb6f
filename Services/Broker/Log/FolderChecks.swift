extension DataFolder {
  func checkCreation(of name: String, partitions: Int, overrides: [String: String]) throws(LogError) {}
  func checkGrowth(of name: String, to partitions: Int) throws(LogError) {}
}
