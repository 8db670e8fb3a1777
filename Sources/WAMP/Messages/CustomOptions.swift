// What of the options that have no field goes on with a message that is passed on.

extension Value.Dictionary {
    /// The entries that are carried over from CALL to INVOCATION, from YIELD to RESULT, from ERROR
    /// to ERROR and from PUBLISH to EVENT: what says how the payload is to be read (`ppt_…`,
    /// `enc_…`), whom it was forwarded for, and what is specific to an implementation (`_…`,
    /// `x_…`).
    ///
    /// - Parameter withCustom: whether the last kind is carried over too.
    ///
    /// Spec: Basic Profile, Extensibility; Advanced Profile, Payload Passthru Mode.
    package func forwardable(withCustom: Bool) -> Value.Dictionary {
        if isEmpty { return self }
        return Value.Dictionary(
            entries.filter { entry in
                Value.Dictionary.payloadKeys.contains(entry.key)
                    || withCustom && (entry.key.hasPrefix("_") || entry.key.hasPrefix("x_"))
                        && entry.key != Value.Dictionary.discloseCallee
            })
    }

    /// Whether an ERROR is to name its callee; meant for the router itself. Without it the details
    /// of an ERROR name nobody: some clients fail on them.
    package static let discloseCallee = "_disclose_callee"

    private static let payloadKeys: Set<String> = [
        "ppt_scheme", "ppt_serializer", "ppt_cipher", "ppt_keyid",
        "enc_algo", "enc_key", "enc_serializer", "forward_for",
    ]

    /// Whether the payload is in passthru mode: `ppt_scheme` is there and not empty.
    ///
    /// Spec: Advanced Profile, Payload Passthru Mode.
    package var isPassthru: Bool {
        guard !isEmpty, let scheme = self["ppt_scheme"]?.string else { return false }
        return !scheme.isEmpty
    }

    /// A switch among the options; off if it is absent.
    package func isOn(_ key: String) -> Bool {
        isEmpty ? false : self[key]?.bool ?? false
    }
}
