import EventLoop
import Wire

/// ListGroups (0 to 4): every group, or those in the states that version 4 may name.
enum ListGroupsKey: Key {
  static func answer(_ request: ListGroupsRequest, _ call: Call, _ broker: Broker) {
    let asked = request.statesFilter.compactMap { name in
      GroupState.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
    }
    let states = request.statesFilter.isEmpty ? Set(GroupState.allCases) : Set(asked)
    call.answer(
      ListGroupsResponse(
        groups: broker.coordinator.registry.list(in: states).map {
          .init(groupID: $0.id.rawValue, protocolType: $0.protocolType, groupState: $0.state.rawValue)
        }))
  }
}
