// wamp.session.add_testament and flush_testaments: what is to be published when the caller is gone.
//
// Spec: Advanced Profile, Session Testament.

import WAMP

extension Realm {
    /// Arguments: topic, args, kwargs; `publish_options`, `scope`. Whether the caller may publish
    /// so is checked now, and again when it is done.
    mutating func addTestament(
        _ arguments: MetaArguments, from caller: SessionKey
    ) throws(MetaError) {
        let topic = try arguments.uri(0)
        let payload = try Payload.holding(arguments.list(1), arguments.dictionary(2))
        let options = try arguments.publishOptions()
        let scope = try arguments.scope()
        if options.custom.isPassthru, !mayPassThrough(caller) {
            throw MetaError(
                .featureNotSupported, "the publisher did not announce payload_passthru_mode")
        }
        guard !topic.isReserved, topic.isValid(settings.uriRule) else {
            throw MetaError(
                .invalidURI, topic.reservation.first?.string, about: topic.excerpt)
        }
        guard let permission = knownPermission(for: .publish, topic, of: caller) else {
            throw MetaError(
                .notAuthorized, "this session may not publish to '\(topic.excerpt)'")
        }
        guard disclosure(of: options, under: permission) != nil else {
            throw MetaError(
                .discloseMeNotAllowed, "publishers of '\(topic.excerpt)' are not disclosed")
        }
        let testament = Testament(topic: topic, options: options, payload: payload)
        guard testaments.add(testament, of: caller, scope, limits: limits) else {
            throw MetaError(.unavailable, kwargs: ["reason": "overload"])
        }
    }

    /// Forgets the caller's testaments of one scope.
    mutating func flushTestaments(
        _ arguments: MetaArguments, from caller: SessionKey
    ) throws(MetaError) {
        testaments.flush(try arguments.scope(), of: caller)
    }
}

extension MetaArguments {
    fileprivate func scope() throws(MetaError) -> TestamentScope {
        try keyword("scope", "detached or destroyed") {
            $0.string.flatMap(TestamentScope.init(rawValue:))
        } ?? .destroyed
    }

    /// Without what makes no sense for a publisher that is gone.
    fileprivate func publishOptions() throws(MetaError) -> PublishOptions {
        let given = try keyword("publish_options", "a dictionary", \.dictionary) ?? [:]
        do throws(ProtocolViolation) {
            let options = try PublishOptions(checking: given)
            return PublishOptions(custom: options.custom)
        } catch {
            throw MetaError(.invalidArgument, error.description)
        }
    }
}
