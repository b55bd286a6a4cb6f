/// A request or response body of the Kafka protocol, in every version that `api.implementedVersions` lists.
///
/// A field that a version lacks takes its protocol default when decoded and is left out when encoded. Unknown tagged
/// fields are skipped.
public protocol KafkaMessage: Hashable, Sendable {
  /// The API this message belongs to.
  static var api: KafkaAPI { get }

  /// Reads the body; `version` is one of `api.implementedVersions`.
  init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError)

  /// Writes the body; `version` is one of `api.implementedVersions`.
  func encode(into writer: inout KafkaWriter, version: Int16)
}

/// What a client asks of a broker.
public protocol KafkaRequest: KafkaMessage {
  /// The body of the answer.
  associatedtype Response: KafkaResponse
}

/// What a broker answers.
public protocol KafkaResponse: KafkaMessage {}

/// A structure inside a message.
protocol KafkaFields: Hashable, Sendable {
  init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError)
  func encode(into writer: inout KafkaWriter, version: Int16)
}

extension KafkaRequest {
  /// The whole frame: length, header, body.
  public func frame(version: Int16, correlationID: Int32, clientID: String? = nil) -> KafkaFrame {
    var writer = KafkaWriter()
    writer.int32(0)
    KafkaRequestHeader(api: Self.api, version: version, correlationID: correlationID, clientID: clientID)
      .encode(into: &writer)
    encode(into: &writer, version: version)
    return writer.finishFrame()
  }
}

extension KafkaResponse {
  /// The whole frame: length, header, body.
  public func frame(version: Int16, correlationID: Int32) -> KafkaFrame {
    var writer = KafkaWriter()
    writer.int32(0)
    KafkaResponseHeader(correlationID: correlationID).encode(into: &writer, api: Self.api, version: version)
    encode(into: &writer, version: version)
    return writer.finishFrame()
  }
}
