import EventLoop
import Wire

/// Heartbeat (0 to 3): a member is alive, and learns whether it must join again.
enum HeartbeatKey: Key {
  static func answer(_ request: HeartbeatRequest, _ call: Call, _ broker: Broker) {
    let claim = MemberClaim(
      memberID: MemberID(request.memberID), instanceID: request.groupInstanceID.map { InstanceID($0) },
      generation: request.generationID)
    broker.coordinator.heartbeat(GroupID(request.groupID), claim, call) { error in
      call.answer(HeartbeatResponse(errorCode: KafkaError(error)))
    }
  }
}
