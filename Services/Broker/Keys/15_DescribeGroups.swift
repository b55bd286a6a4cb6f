import EventLoop
import Wire

/// DescribeGroups (0 to 4): state and members of groups. A group that does not exist is described as dead.
enum DescribeGroupsKey: Key {
  static func answer(_ request: DescribeGroupsRequest, _ call: Call, _ broker: Broker) {
    let registry = broker.coordinator.registry
    call.answer(DescribeGroupsResponse(groups: request.groups.map { response(registry.describe(GroupID($0))) }))
  }

  private static func response(_ group: GroupDescription) -> DescribeGroupsResponse.Group {
    .init(
      groupID: group.id.rawValue, groupState: group.state.rawValue, protocolType: group.protocolType,
      protocolData: group.protocolName,
      members: group.members.map {
        .init(
          memberID: $0.memberID.rawValue, groupInstanceID: $0.instanceID?.rawValue, clientID: $0.clientID,
          clientHost: $0.clientHost, memberMetadata: $0.metadata, memberAssignment: $0.assignment)
      })
  }
}
