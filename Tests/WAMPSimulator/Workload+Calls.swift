// The dealer's part of the workload.

import WAMP
import WAMPRouter

extension World {
    func register(_ peer: SimulatedPeer) {
        let count = scenario.names.count + scenario.patterns.count
        let index = random.index(below: count)
        var options = RegisterOptions()
        var uri: String
        if index < scenario.names.count {
            uri = scenario.names[index]
        } else {
            (options.match, uri) = scenario.patterns[index - scenario.names.count]
        }
        if chance(2) { uri = "wamp.mine" }
        let rule =
            chance(85)
            ? scenario.usualRules[index] : any(Scenario.rules + ["all", "_unknown"]) ?? "single"
        options.invoke = rule == "single" && chance(50) ? nil : rule
        options.retryOnLoss = chance(20)
        if chance(30) {
            options.custom.append("concurrency", .int(Int64(random.index(below: 3))))
        } else if settings.procedures.contains(where: { $0.pattern.uri == URI(uri) }), chance(70) {
            options.custom.append("concurrency", 1)
        }
        if chance(6) { options.custom.append("force_reregister", true) }
        if chance(20) { options.custom.append("forward_timeout", true) }
        if chance(15) { options.custom.append("disclose_caller", true) }
        peer.outbox.append(
            .register(
                Register(request: peer.nextRequest(), options: options, procedure: URI(uri))))
    }

    func unregister(_ peer: SimulatedPeer) {
        let others = auditor.registrationIDs
        guard let id = chance(80) ? any(peer.registrations) : any(others) else { return }
        if chance(90) { peer.registrations.removeAll { $0 == id } }
        peer.outbox.append(
            .unregister(Unregister(request: peer.nextRequest(), registration: id)))
    }

    func call(_ peer: SimulatedPeer) {
        var options = CallOptions()
        let isPlain = chance(45)
        var isPassthru = false
        if !isPlain {
            if chance(35) { options.timeout = UInt64(1 + random.index(below: 120)) }
            if chance(35) { options.receiveProgress = true }
            if chance(25), peer.has(.progressiveCallInvocations, as: .caller),
                !scenario.hasAuthorizer
            {
                options.progress = true
            }
            if chance(15) { options.custom.append("disclose_me", true) }
            if chance(15), peer.has(.payloadPassthruMode, as: .caller) {
                isPassthru = true
                options.progress = false
                options.custom.append("ppt_scheme", "x_test")
            }
            if chance(20) { options.custom.append("rkey", .string("k\(random.index(below: 4))")) }
            if chance(25) { options.custom.append("runmode", "partition") }
            if chance(10) { options.custom.append("_extra", 1) }
            if chance(20) { options.custom.append("_disclose_callee", true) }
        }
        let token = nextToken()
        let request = peer.nextRequest()
        let uri = topicName()
        peer.calls.append(
            SimulatedPeer.OpenCall(
                request: request, procedure: uri, token: token,
                chunks: options.progress ? 1 : nil))
        peer.outbox.append(
            .call(
                Call(
                    request: request, options: options, procedure: URI(uri),
                    payload: payload(
                        token, chunk: options.progress ? 0 : nil, isPassthru: isPassthru,
                        of: peer))))
    }

    /// One more part of the arguments of a call, as long as the peer does not know that it is over.
    func sendChunk(_ peer: SimulatedPeer) {
        let open = peer.calls.indices.filter { peer.calls[$0].chunks != nil }
        guard let index = any(open), let sent = peer.calls[index].chunks else { return }
        var options = CallOptions()
        options.progress = chance(65)
        peer.calls[index].chunks = options.progress ? sent + 1 : nil
        let call = peer.calls[index]
        peer.outbox.append(
            .call(
                Call(
                    request: call.request, options: options, procedure: URI(call.procedure),
                    payload: payload(call.token, chunk: sent, of: peer))))
    }

    func cancel(_ peer: SimulatedPeer) {
        guard let index = peer.calls.indices.randomElement(using: &random) else { return }
        guard peer.calls[index].cancelCount < 2 else { return }
        peer.calls[index].cancelCount += 1
        let mode = any([CancelMode.skip, .kill, .kill, .killnowait, nil]) ?? nil
        peer.outbox.append(.cancel(Cancel(request: peer.calls[index].request, mode: mode)))
    }

    // MARK: Answers

    func answer(_ peer: SimulatedPeer) {
        let index = random.index(below: peer.tasks.count)
        let task = peer.tasks[index]
        if task.interrupt == .killnowait, chance(30) {
            // Nobody waits for the answer, and nobody has to give it.
            return peer.finish(index)
        }
        if task.isQuestion { return decide(peer, index) }
        if task.interrupt != nil, chance(60) { return fail(peer, index, with: .canceled) }
        switch random.index(below: 100) {
        case 0..<25: yieldProgress(peer, task)
        case 25..<35: fail(peer, index, with: "t.error")
        case 35..<48: fail(peer, index, with: .unavailable)
        default: yieldFinally(peer, index)
        }
    }

    func yieldFinally(_ peer: SimulatedPeer, _ index: Int) {
        let task = peer.tasks[index]
        peer.finish(index)
        var options = OutcomeDetails()
        if chance(5), peer.has(.payloadPassthruMode, as: .callee) {
            options.custom.append("ppt_scheme", "x_test")
        }
        if chance(5) { options.custom.append("_extra", 2) }
        peer.outbox.append(
            .yield(
                Yield(
                    request: task.request, options: options,
                    payload: payload(task.request.rawValue, of: peer))))
    }

    private func yieldProgress(_ peer: SimulatedPeer, _ task: SimulatedPeer.Task) {
        guard task.receivesProgress || chance(20) else { return }
        var options = OutcomeDetails(progress: true)
        if chance(5), peer.has(.payloadPassthruMode, as: .callee) {
            options.custom.append("ppt_scheme", "x_test")
        }
        peer.outbox.append(
            .yield(
                Yield(
                    request: task.request, options: options,
                    payload: payload(task.request.rawValue, of: peer))))
    }

    private func fail(_ peer: SimulatedPeer, _ index: Int, with error: ErrorURI) {
        let task = peer.tasks[index]
        peer.finish(index)
        peer.outbox.append(
            .error(
                ErrorMessage(
                    .invocation, request: task.request, error: error,
                    payload: chance(50)
                        ? Payload() : payload(task.request.rawValue, of: peer))))
    }

    /// The dynamic authorizer answers, or fails to.
    private func decide(_ peer: SimulatedPeer, _ index: Int) {
        let request = peer.tasks[index].request
        peer.finish(index)
        guard chance(75) else {
            let error: ErrorURI = chance(75) ? .unavailable : "t.error"
            peer.outbox.append(
                .error(ErrorMessage(.invocation, request: request, error: error)))
            return
        }
        let isAllowed = Value.bool(chance(70))
        let decision: Value =
            chance(50) ? isAllowed : ["allow": isAllowed, "cache": .bool(chance(50))]
        peer.outbox.append(
            .yield(
                Yield(request: request, payload: Payload(args: [decision], as: peer.serializer))))
    }

    /// Answers what was answered before: the router has to ignore it.
    func repeatAnswer(_ peer: SimulatedPeer) {
        guard let request = any(peer.answered) else { return }
        if chance(50) {
            peer.outbox.append(
                .yield(Yield(request: request, options: OutcomeDetails(progress: chance(60)))))
        } else {
            peer.outbox.append(
                .error(ErrorMessage(.invocation, request: request, error: "t.late")))
        }
    }

    // MARK: What is not allowed

    /// A message that must end the session; an answer to nothing does so where ids are checked.
    func violation(of peer: SimulatedPeer) -> Message? {
        switch random.index(below: 6) {
        case 0: return .hello(Hello(realm: "realm1", roles: Roles([.caller: []])))
        case 1: return .yield(Yield(request: RequestID(1 << 40)))
        case 2:
            return .error(ErrorMessage(.call, request: RequestID(1), error: "t.error"))
        case 3: return .result(Result(request: RequestID(1)))
        case 4:
            guard !peer.has(.progressiveCallInvocations, as: .caller) else { return nil }
            var options = CallOptions()
            options.progress = true
            return .call(
                Call(request: peer.nextRequest(), options: options, procedure: "p.0"))
        default:
            guard !peer.has(.payloadPassthruMode, as: .caller) else { return nil }
            let options = CallOptions(custom: ["ppt_scheme": "x_test"])
            return .call(
                Call(request: peer.nextRequest(), options: options, procedure: "p.0"))
        }
    }
}
