import EventLoop
import Wire

/// LeaveGroup (0 to 1): a member goes, so that the others need not wait for its session to end.
enum LeaveGroupKey: Key {
  static func answer(_ request: LeaveGroupRequest, _ call: Call, _ broker: Broker) {
    broker.coordinator.leave(GroupID(request.groupID), MemberID(request.memberID), call) { error in
      call.answer(LeaveGroupResponse(errorCode: KafkaError(error)))
    }
  }
}
