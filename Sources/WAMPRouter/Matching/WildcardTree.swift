// Wildcard patterns as a tree, component by component.
//
// Spec: Advanced Profile, Pattern-based Registrations and Subscriptions.

import WAMP

/// A node of the tree: what may follow the components on the way to it.
///
/// At each component the literal branch is taken before the wildcard. The first pattern found is
/// thus the one that is literal where the first two differ, which is the order of precedence.
///
/// URIs and patterns are given as what is left of them: the components behind those on the way to
/// the node, nil behind the last.
struct WildcardNode {
    private var literals: [ComponentKey: WildcardNode] = [:]
    /// None or one: an empty component of the pattern, which matches any one that is not empty.
    private var anything: [WildcardNode] = []
    /// The pattern that ends here.
    private var slot: UInt32?

    var isEmpty: Bool { literals.isEmpty && anything.isEmpty && slot == nil }

    func find(_ pattern: UnsafeRawBufferPointer?) -> UInt32? {
        guard let (component, rest) = pattern?.firstComponent else { return slot }
        let next = component.isEmpty ? anything.first : literals[ComponentKey(in: component)]
        return next?.find(rest)
    }

    func first(matching uri: UnsafeRawBufferPointer?) -> UInt32? {
        guard let (component, rest) = uri?.firstComponent else { return slot }
        if !literals.isEmpty,
            let found = literals[ComponentKey(in: component)]?.first(matching: rest)
        {
            return found
        }
        return component.isEmpty ? nil : anything.first?.first(matching: rest)
    }

    func collect(_ uri: UnsafeRawBufferPointer?, into found: inout [UInt32]) {
        guard let (component, rest) = uri?.firstComponent else {
            if let slot { found.append(slot) }
            return
        }
        if !literals.isEmpty {
            literals[ComponentKey(in: component)]?.collect(rest, into: &found)
        }
        if !component.isEmpty { anything.first?.collect(rest, into: &found) }
    }

    mutating func insert(_ pattern: UnsafeRawBufferPointer?, slot: UInt32) {
        guard let (component, rest) = pattern?.firstComponent else {
            self.slot = slot
            return
        }
        if component.isEmpty {
            if anything.isEmpty { anything.append(WildcardNode()) }
            anything[0].insert(rest, slot: slot)
        } else {
            literals[ComponentKey(copying: component), default: WildcardNode()].insert(
                rest, slot: slot)
        }
    }

    /// Removes a pattern, and the branch that led only to it.
    mutating func remove(_ pattern: UnsafeRawBufferPointer?) {
        guard let (component, rest) = pattern?.firstComponent else {
            slot = nil
            return
        }
        if component.isEmpty {
            guard !anything.isEmpty else { return }
            anything[0].remove(rest)
            if anything[0].isEmpty { anything = [] }
        } else {
            let key = ComponentKey(in: component)
            literals[key]?.remove(rest)
            if literals[key]?.isEmpty == true { literals[key] = nil }
        }
    }
}

/// A component as a key: in a table a copy, for looking up where it lies, so that nothing is
/// allocated.
private struct ComponentKey: Hashable {
    private let copy: [UInt8]
    private let original: UnsafeRawBufferPointer

    /// - Parameter original: must outlive the key.
    init(in original: UnsafeRawBufferPointer) {
        copy = []
        self.original = original
    }

    init(copying component: UnsafeRawBufferPointer) {
        copy = Array(component)
        original = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        copy.isEmpty ? body(original) : copy.withUnsafeBytes(body)
    }

    func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }

    static func == (left: ComponentKey, right: ComponentKey) -> Bool {
        left.withBytes { left in right.withBytes { URI.isSame(left, $0) } }
    }
}

extension UnsafeRawBufferPointer {
    /// What comes before the first dot, and what comes behind it; nil without a dot.
    fileprivate var firstComponent: (UnsafeRawBufferPointer, rest: UnsafeRawBufferPointer?) {
        guard let dot = firstIndex(of: UInt8(ascii: ".")) else { return (self, nil) }
        return (
            UnsafeRawBufferPointer(rebasing: self[..<dot]),
            UnsafeRawBufferPointer(rebasing: self[(dot + 1)...])
        )
    }
}
