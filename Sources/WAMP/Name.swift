// Names are the same when their bytes are, as URIs are. Two texts that only look alike, such as "é"
// as one scalar and as two, or "K" and the sign for kelvin, are `==` as Strings, and must not be
// one user, role, realm or key here.

/// A name that somebody chose, as a key of a table: of a realm, a user, a role.
package struct Name: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    private let text: String

    package init(_ text: String) { self.text = text }
    package init(stringLiteral value: String) { text = value }

    package var description: String { text }

    package static func == (left: Name, right: Name) -> Bool { isSame(left.text, right.text) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Whether two names are the same, or both absent.
    package static func isSame(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return left.utf8.elementsEqual(right.utf8)
    }
}
