// Characters that whoever shows a text obeys instead of showing them. What peers send is shown
// without them.

extension Unicode.Scalar {
    /// Whether it steers a terminal or reorders and breaks lines: the controls of C0 and C1 and
    /// DEL, the separators of lines and paragraphs, the embeddings, overrides and isolates of the
    /// direction of writing.
    package var isSteering: Bool {
        switch value {
        case 0..<0x20, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}
