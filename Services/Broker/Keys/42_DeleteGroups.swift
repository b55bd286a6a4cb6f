import EventLoop
import Wire

/// DeleteGroups (0 to 1): forgets empty groups and their offsets.
enum DeleteGroupsKey: Key {
  static func answer(_ request: DeleteGroupsRequest, _ call: Call, _ broker: Broker) {
    call.answer(DeleteGroupsResponse(results: request.groupNames.map { delete($0, broker) }))
  }

  private static func delete(_ name: String, _ broker: Broker) -> DeleteGroupsResponse.Group {
    do {
      try broker.coordinator.delete(GroupID(name))
      return .init(groupID: name)
    } catch {
      return .init(groupID: name, errorCode: KafkaError(error))
    }
  }
}
