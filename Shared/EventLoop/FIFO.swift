/// A queue: what was put in first comes out first. Both ends cost constant time.
public struct FIFO<Element>: Sequence {
  @usableFromInline var elements: [Element?] = []
  @usableFromInline var head = 0

  /// Makes an empty queue.
  public init() {}

  /// How many elements wait.
  @inlinable public var count: Int { elements.count - head }
  /// Whether none waits.
  @inlinable public var isEmpty: Bool { count == 0 }
  /// The element that has waited longest.
  @inlinable public var first: Element? { isEmpty ? nil : elements[head] }

  /// Adds an element at the end.
  @inlinable public mutating func append(_ element: Element) { elements.append(element) }

  /// Takes out the element that has waited longest.
  @inlinable public mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[head].take()
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: elements.count <= 1024)
      head = 0
    } else if head >= 64, head * 2 >= elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// The elements in order, left in place.
  public func makeIterator() -> some IteratorProtocol<Element> {
    elements[head...].lazy.compactMap { $0 }.makeIterator()
  }
}
