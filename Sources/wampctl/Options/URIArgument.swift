// Procedures and topics on the command line.

import ArgumentParser
import WAMP

enum URIArgument: String {
    case procedure, topic

    private var example: String { self == .procedure ? "hello" : "topic" }

    /// - Throws: a usage error that names the way out, if the text is no URI or no pattern of this
    ///   kind.
    func check(_ text: String, as match: MatchPolicy) throws {
        let uri = URI(text)
        if uri.isValid(.loose, as: match) { return }
        var sentence = "'\(text)' is "
        switch match {
        case .exact:
            sentence += "not a \(rawValue): a URI such as com.example.\(example)"
            if uri.isValid(.loose, as: .prefix) {
                sentence += "; --match prefix takes what URIs begin with"
            } else if uri.isValid(.loose, as: .wildcard) {
                sentence += "; --match wildcard takes empty components"
            }
        case .prefix:
            sentence += "not what URIs begin with, such as com.example."
        case .wildcard:
            sentence +=
                "no pattern: a URI such as com..\(example), whose empty components match any"
        }
        throw ValidationError(sentence)
    }
}
