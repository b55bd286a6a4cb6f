import EventLoop
import Wire

/// SyncGroup (0 to 3): the leader hands in the assignment, everybody gets a share. Answered when it is there.
enum SyncGroupKey: Key {
  static func answer(_ request: SyncGroupRequest, _ call: Call, _ broker: Broker) {
    let claim = MemberClaim(
      memberID: MemberID(request.memberID), instanceID: request.groupInstanceID.map { InstanceID($0) },
      generation: request.generationID)
    let assignments = request.assignments.map { (MemberID($0.memberID), $0.assignment) }
    broker.coordinator.sync(
      GroupID(request.groupID), claim, assignments: Dictionary(assignments) { $1 }, call
    ) { result in
      switch result {
      case .success(let assignment): call.answer(SyncGroupResponse(assignment: assignment))
      case .failure(let error): call.answer(SyncGroupResponse(errorCode: KafkaError(error)))
      }
    }
  }
}
