import Glibc
import Wire

/// Why the log refused or could not do something.
struct LogError: Error, Equatable, CustomStringConvertible {
  /// What a client is told, and whether it may try again.
  enum Kind: Equatable {
    case offsetOutOfRange
    case corruptMessage
    case unknownTopicOrPartition
    case messageTooLarge
    case invalidTopic
    case topicAlreadyExists
    case invalidPartitions
    case invalidConfig
    case unsupportedForMessageFormat
    case outOfOrderSequence
    case invalidProducerEpoch
    case invalidTransactionState
    /// The disk is full or failed; a full disk recovers by itself when there is room.
    case storage
    case unsupportedCompression
    case invalidRecord
    /// Another process holds the data folder.
    case folderInUse
    /// The data folder is not one this program can read.
    case folderUnusable
  }

  let kind: Kind
  /// What happened, to what, and what to do about it.
  let message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// A failed system call, with the meaning of `code` (an errno).
  static func storage(_ doing: String, _ path: String, _ code: Int32) -> LogError {
    LogError(.storage, "cannot \(doing) \(path): \(String(cString: strerror(code)))")
  }

  /// A batch that a client sent wrong.
  init(_ error: RecordBatchError) {
    switch error {
    case .cutShort, .impossibleLength: self.init(.corruptMessage, error.description)
    case .unknownMagic: self.init(.unsupportedForMessageFormat, error.description)
    case .unknownCodec: self.init(.unsupportedCompression, error.description)
    case .impossibleOffsets, .impossibleCount, .impossibleProducer, .malformedRecord, .compressed:
      self.init(.invalidRecord, error.description)
    }
  }

  /// The error code of the Kafka protocol.
  var kafkaCode: Int16 {
    switch kind {
    case .folderInUse, .folderUnusable: -1
    case .offsetOutOfRange: 1
    case .corruptMessage: 2
    case .unknownTopicOrPartition: 3
    case .messageTooLarge: 10
    case .invalidTopic: 17
    case .topicAlreadyExists: 36
    case .invalidPartitions: 37
    case .invalidConfig: 40
    case .unsupportedForMessageFormat: 43
    case .outOfOrderSequence: 45
    case .invalidProducerEpoch: 47
    case .invalidTransactionState: 48
    case .storage: 56
    case .unsupportedCompression: 76
    case .invalidRecord: 87
    }
  }

  var description: String { message }
}
