import EventLoop
import Wire

/// JoinGroup (0 to 5): becomes a member of a group's next generation. Answered when that generation begins.
enum JoinGroupKey: Key {
  static func answer(_ request: JoinGroupRequest, _ call: Call, _ broker: Broker) {
    let join = JoinRequest(
      memberID: MemberID(request.memberID), instanceID: request.groupInstanceID.map { InstanceID($0) },
      clientID: call.header.clientID ?? "", clientHost: "/\(call.connection.peer)",
      sessionTimeout: request.sessionTimeout,
      // Version 0 knows one timeout for both.
      rebalanceTimeout: request.rebalanceTimeout < .zero ? request.sessionTimeout : request.rebalanceTimeout,
      protocolType: request.protocolType,
      protocols: request.protocols.map { GroupProtocol(name: $0.name, metadata: $0.metadata) },
      requiresKnownMemberID: call.header.apiVersion >= 4)
    broker.coordinator.join(GroupID(request.groupID), join, call) { call.answer(response($0)) }
  }

  private static func response(_ result: JoinResult) -> JoinGroupResponse {
    switch result {
    case .refused(let error, let member):
      JoinGroupResponse(errorCode: KafkaError(error), memberID: member.rawValue)
    case .joined(let group):
      JoinGroupResponse(
        generationID: group.generation, protocolName: group.protocolName, leader: group.leader.rawValue,
        memberID: group.memberID.rawValue,
        members: group.peers.map {
          .init(memberID: $0.memberID.rawValue, groupInstanceID: $0.instanceID?.rawValue, metadata: $0.metadata)
        })
    }
  }
}
