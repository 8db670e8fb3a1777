// What a router or a client says itself, in fewer words: for a peer that takes 512 bytes at most,
// say. Text goes first, then what else the message can do without; what is left means the same.

extension Message {
    /// The same message in fewer words; nil if nothing of it can be spared.
    ///
    /// To be asked again until the message is short enough. Each time halves the longest text, so
    /// that few steps lead there.
    package var shortened: Message? {
        switch self {
        case .welcome(let message): message.shortened.map(Message.welcome)
        case .challenge(let message): message.shortened.map(Message.challenge)
        case .abort(let message): message.shortened.map(Message.abort)
        case .goodbye(let message): message.shortened.map(Message.goodbye)
        case .error(let message): message.shortened.map(Message.error)
        case .unregistered(let message):
            message.details.shortened(keeping: ["registration"]).map {
                .unregistered(Unregistered(request: message.request, details: $0))
            }
        case .unsubscribed(let message):
            message.details.shortened(keeping: ["subscription"]).map {
                .unsubscribed(Unsubscribed(request: message.request, details: $0))
            }
        default: nil
        }
    }
}

extension Welcome {
    /// Without the features, of which the peer then uses none, and without what it knows; then
    /// without what the authentication has to say beside who the peer is.
    fileprivate var shortened: Welcome? {
        let bare = Value.dictionary(Roles([.broker: [], .dealer: []]).details)
        let spare = details["roles"] == bare ? ["authextra"] : ["agent", "realm"]
        guard details["roles"] != bare || details["authextra"] != nil else { return nil }
        var shorter: Value.Dictionary = ["roles": bare]
        for (key, value) in details.entries where key != "roles" && !spare.contains(key) {
            shorter.append(key, value)
        }
        return Welcome(session: session, details: shorter)
    }
}

extension Challenge {
    /// What methods need of a challenge; anything else is for people.
    private static let needed = [
        "challenge", "channel_binding", "salt", "keylen", "iterations", "nonce", "kdf", "memory",
        "pubkey", "signature",
    ]

    fileprivate var shortened: Challenge? {
        extra.shortened(keeping: Challenge.needed).map { Challenge(method: method, extra: $0) }
    }
}

extension Abort {
    fileprivate var shortened: Abort? {
        if let shorter = details.shortened(keeping: []) {
            return Abort(details: shorter, reason: reason, payload: payload)
        }
        if !payload.isEmpty { return Abort(reason: reason) }
        return reason.isLonger(than: .payloadSizeExceeded)
            ? Abort(reason: .payloadSizeExceeded) : nil
    }
}

extension Goodbye {
    fileprivate var shortened: Goodbye? {
        if let shorter = details.shortened(keeping: []) {
            return Goodbye(details: shorter, reason: reason)
        }
        // Only who ends the session of another has a reason of its own.
        return reason.isLonger(than: .killed) ? Goodbye(reason: .killed) : nil
    }
}

extension ErrorMessage {
    /// A payload of more bytes is more than a sentence, and not looked at.
    private static let longestText = 64 << 10

    /// With less of the sentence that explains it; then without its details. Other arguments are
    /// not shortened: half of them could mean something else.
    fileprivate var shortened: ErrorMessage? {
        guard !details.custom.isPassthru, payload.count <= ErrorMessage.longestText
        else { return nil }
        var shorter = self
        if let values = try? payload.values(), values.args.count == 1,
            let text = values.args[0].string, !text.isEmpty
        {
            let less = text.halved
            shorter.payload = Payload(
                args: less.isEmpty ? [] : [.string(less)], kwargs: values.kwargs,
                as: payload.serializer)
            return shorter
        }
        guard details != OutcomeDetails() else { return nil }
        shorter.details = OutcomeDetails()
        return shorter
    }
}

extension Value.Dictionary {
    /// With half of its longest text, or without all that need not be kept if there is none; nil if
    /// nothing can be spared.
    fileprivate func shortened(keeping needed: [String]) -> Value.Dictionary? {
        let spare = entries.filter { !needed.contains($0.key) }
        guard !spare.isEmpty else { return nil }
        let texts = spare.compactMap { entry in entry.value.string.map { (entry.key, $0) } }
        guard let (longest, text) = texts.max(by: { $0.1.utf8.count < $1.1.utf8.count }) else {
            return Value.Dictionary(entries.filter { needed.contains($0.key) })
        }
        var shorter = self
        let less = text.halved
        shorter[longest] = less.isEmpty ? nil : .string(less)
        return shorter
    }
}

extension ErrorURI {
    fileprivate func isLonger(than other: ErrorURI) -> Bool {
        rawValue.utf8.count > other.rawValue.utf8.count
    }
}

extension String {
    /// The first half of it.
    fileprivate var halved: String {
        var half = String.UnicodeScalarView()
        half.append(contentsOf: unicodeScalars.prefix(unicodeScalars.count / 2))
        return String(half)
    }
}
