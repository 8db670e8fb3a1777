// What a peer said, as it is repeated in refusals and in the log: so much of it that it can be told
// again, and never so much that repeating it costs anything.

extension String {
    /// The text, cut to 200 characters.
    package var excerpt: String { excerpt(Excerpt.length) }

    /// The text, cut to so many Unicode scalars: what a reader takes for one character may be made
    /// of any number of them.
    func excerpt(_ length: Int) -> String {
        if utf8.count <= length { return self }
        let scalars = unicodeScalars
        guard
            let end = scalars.index(
                scalars.startIndex, offsetBy: length, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return self }
        return String(scalars[..<scalars.index(before: end)]) + "…"
    }
}

extension URI {
    /// The URI as text, cut to 200 characters; of one that is longer, no more is read.
    package var excerpt: String {
        withBytes { bytes in
            // No character takes more than four bytes.
            String(decoding: bytes.prefix(4 * (Excerpt.length + 1)), as: UTF8.self).excerpt
        }
    }
}

private enum Excerpt {
    /// In Unicode scalars.
    static let length = 200
}
