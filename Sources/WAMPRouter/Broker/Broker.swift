// The broker: takes events to whoever subscribed to their topic.
//
// Spec: Basic Profile, Publish and Subscribe; Advanced Profile, PubSub.

import WAMP

extension Realm {
    /// PUBLISH. Unless it is to be acknowledged, every failure is silent.
    mutating func publish(
        _ publish: Publish, from session: SessionKey, at now: Now, into effects: inout Effects
    ) throws(ProtocolViolation) {
        if publish.options.custom.isPassthru, !mayPassThrough(session) {
            throw ProtocolViolation(
                "PUBLISH.Options.ppt_scheme needs payload_passthru_mode of the publisher")
        }
        let slot = subscriptions.find(publish.topic)
        let request = publish.options.acknowledge ? publish.request : nil
        // Of a topic that has subscribers it is known whether it is valid.
        guard !publish.topic.isReserved,
            slot.map({ subscriptions[$0].isValid }) ?? publish.topic.isValid(settings.uriRule)
        else {
            if let request {
                refuse(
                    .publish, request, of: session, .invalidURI,
                    publish.topic.reservation, about: publish.topic.excerpt, into: &effects)
            }
            return
        }
        guard
            let permission = permission(
                for: .publish, publish.topic, .exact, of: session, request: request,
                message: .publish(publish), at: now, into: &effects)
        else { return }
        guard let disclosure = disclosure(of: publish.options, under: permission) else {
            if let request {
                refuse(
                    .publish, request, of: session, .discloseMeNotAllowed,
                    about: publish.topic.excerpt, into: &effects)
            }
            return
        }
        if let flaw = publish.payload.flaw {
            counters.eventsUndeliverable &+= 1
            if let request {
                refuse(
                    .publish, request, of: session, .invalidPayload, [.string(flaw)],
                    into: &effects)
            }
            return
        }
        let id: PublicationID = random.id()
        if publish.options.acknowledge {
            let answer = Published(request: publish.request, publication: id)
            effects.send(.published(answer), to: session)
        }
        distribute(
            id, publish.topic, under: slot, publish.options, publish.payload, by: session,
            disclosed: disclosure, at: now, into: &effects)
    }

    /// Publishes what a session that leaves has left for this moment. What it may not publish (any
    /// more) is dropped.
    mutating func publish(
        _ testament: Testament, of session: SessionKey, at now: Now, into effects: inout Effects
    ) {
        guard testament.topic.isValid(settings.uriRule),
            let permission = knownPermission(for: .publish, testament.topic, of: session),
            let disclosure = disclosure(of: testament.options, under: permission)
        else { return }
        distribute(
            random.id(), testament.topic, under: subscriptions.find(testament.topic),
            testament.options, testament.payload, by: session, disclosed: disclosure, at: now,
            into: &effects)
    }

    /// Whether subscribers are told who publishes; nil if the publisher asks for it where that is
    /// not allowed.
    func disclosure(of options: PublishOptions, under permission: Permission) -> Disclosure? {
        let disclosure = permission.publisherDisclosure ?? settings.publisherDisclosure
        return disclosure == .never && options.custom.isOn("disclose_me") ? nil : disclosure
    }

    func mayPassThrough(_ publisher: SessionKey) -> Bool {
        sessions[publisher].publisherFeatures.contains(.payloadPassthruMode)
    }

    /// Sends an event to the subscriptions that match its topic, and keeps it where that is wanted.
    private mutating func distribute(
        _ id: PublicationID, _ topic: URI, under slot: SubscriptionSlot?, _ options: PublishOptions,
        _ payload: Payload, by publisher: SessionKey, disclosed disclosure: Disclosure,
        at now: Now, into effects: inout Effects
    ) {
        counters.eventsPublished &+= 1
        let rule = topicRules.best(for: topic)
        let publication = Publication(
            id: id, topic: topic, payload: payload,
            details: details(of: options, rule, by: publisher, disclosed: disclosure),
            publisher: options.excludeMe ? publisher : nil, audience: Audience(options.custom))
        if options.custom.isOn("retain") || rule?.retains == true { retain(publication) }
        if let slot { deliver(publication, to: slot, at: now, into: &effects) }
        for slot in subscriptions.findPatterns(matching: topic) {
            deliver(publication, to: slot, at: now, into: &effects)
        }
    }

    /// `EVENT.Details` but for the topic.
    @inline(__always)
    private func details(
        of options: PublishOptions, _ rule: TopicSettings?, by publisher: SessionKey,
        disclosed disclosure: Disclosure
    ) -> Value.Dictionary {
        var details = options.custom.forwardable(withCustom: settings.forwardsCustomOptions)
        if disclosure == .always || disclosure == .onRequest && options.custom.isOn("disclose_me") {
            let identity = sessions[publisher].identity
            details.append("publisher", Value(identity.session))
            if let authid = identity.authid { details.append("publisher_authid", .string(authid)) }
            if let authrole = identity.authrole {
                details.append("publisher_authrole", .string(authrole))
            }
        }
        if let trustlevel = rule?.trustlevel { details.append("trustlevel", Value(trustlevel)) }
        return details
    }

    /// Sends an event to the subscribers of one subscription that may receive it.
    private mutating func deliver(
        _ publication: Publication, to slot: SubscriptionSlot, at now: Now,
        into effects: inout Effects
    ) {
        if subscriptions[slot].history != nil { store(publication, in: slot, at: now) }
        var receivers = subscriptions[slot].subscribers
        if let publisher = publication.publisher, subscriptions.isSubscriber(publisher, of: slot) {
            receivers.removeAll { $0 == publisher }
        }
        if let audience = publication.audience {
            receivers = receivers.filter { audience.admits(sessions[$0].identity) }
        }
        send(publication, to: receivers, of: slot, into: &effects)
    }

    private mutating func send(
        _ publication: Publication, to receivers: [SessionKey], of slot: SubscriptionSlot,
        into effects: inout Effects
    ) {
        guard !receivers.isEmpty else { return }
        counters.eventsDelivered &+= UInt64(receivers.count)
        var details = EventDetails(custom: publication.details)
        if subscriptions[slot].match != .exact { details.topic = publication.topic }
        let event = Event(
            subscription: subscriptions[slot].id, publication: publication.id, details: details,
            payload: publication.payload)
        effects.append(.broadcast(event, to: receivers))
    }
}

/// An event on its way to subscriptions.
struct Publication {
    let id: PublicationID
    let topic: URI
    let payload: Payload
    /// `EVENT.Details` but for the topic.
    let details: Value.Dictionary
    /// Who published, if it is not to receive the event itself.
    let publisher: SessionKey?
    let audience: Audience?
}

// MARK: The router as publisher

extension Realm {
    /// Publishes an event of the meta API, in the router's name: nobody is excluded. `args` is made
    /// only if somebody listens.
    ///
    /// Spec: Advanced Profile, Session, Registration and Subscription Meta API.
    mutating func publishMeta(
        _ topic: StaticString, into effects: inout Effects,
        args: (borrowing Realm) -> [Value]
    ) {
        guard subscriptions.count > 0, !isKillingAll else { return }
        publishMeta(URI("\(topic)"), into: &effects, args: args)
    }

    private mutating func publishMeta(
        _ topic: URI, into effects: inout Effects, args: (borrowing Realm) -> [Value]
    ) {
        let exact = subscriptions.find(topic).map { [$0] } ?? []
        let slots = (exact + subscriptions.findPatterns(matching: topic)).filter {
            !subscriptions[$0].subscribers.isEmpty
        }
        guard !slots.isEmpty else { return }
        let publication = Publication(
            id: random.id(), topic: topic, payload: Payload(args: args(self)), details: [:],
            publisher: nil, audience: nil)
        for slot in slots {
            send(publication, to: listeners(of: slot), of: slot, into: &effects)
        }
    }

    /// The subscribers that the router's own events are for. A pattern such as `w` matches their
    /// topics without naming them, so that nobody asked whether its subscribers may read.
    private func listeners(of slot: SubscriptionSlot) -> [SessionKey] {
        let subscribers = subscriptions[slot].subscribers
        if subscriptions[slot].isSweeping { return subscribers.filter { isTrusted($0) } }
        if subscriptions[slot].isReserved { return subscribers }
        return subscribers.filter { isAllowed(.read, to: $0) || isTrusted($0) }
    }

    /// Whether patterns that begin with an empty component match the router's own topics, too.
    func isTrusted(_ session: SessionKey) -> Bool { permissions(of: session)?.isTrusted ?? false }

    /// What the role of a session may do; nil if nothing was said about the role.
    func permissions(of session: SessionKey) -> RolePermissions? {
        sessions[session].identity.authrole.flatMap { settings.permissions.roles?[Name($0)] }
    }
}
