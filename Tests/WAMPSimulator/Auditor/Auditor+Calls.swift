// Every call ends exactly once, at the callee that the rule names, and within the limits.

import WAMP
import WAMPRouter

// MARK: Facts

extension Auditor {
    func received(_ call: Call, from caller: AuditedSession) {
        let key = CallKey(caller: caller.key, request: call.request)
        if let open = calls[key] {
            touched = open
            guard !open.isComplete else {
                caller.hasViolated = true
                return
            }
            open.chunks += 1
            if !call.options.progress { open.isComplete = true }
            return
        }
        if let ended = caller.endedEarly[call.request] {
            if ended.advanced(milliseconds: 30_000) > now.moment {
                if !call.options.progress { caller.endedEarly[call.request] = nil }
                return
            }
            caller.endedEarly[call.request] = nil
        }
        callCount += 1
        var timeout = call.options.timeout
        if timeout == 0 { timeout = settings.callTimeoutDefault }
        if settings.callTimeoutMax > 0 {
            timeout = timeout == 0 ? settings.callTimeoutMax : min(timeout, settings.callTimeoutMax)
        }
        let opened = AuditedCall(
            call, key: key, token: Auditor.token(of: call.payload) ?? 0, order: callCount, at: now,
            timeout: timeout, disclosure: settings.callerDisclosure)
        if !isLenient { opened.registration = best(for: opened.procedure)?.id }
        calls[key] = opened
        if !opened.isForRouter { callsByToken[opened.token] = opened }
        touched = opened
    }

    /// A callee has answered: from now on it may take another call.
    func received(
        answer request: RequestID, from callee: AuditedSession, isFinal: Bool,
        with error: ErrorURI? = nil
    ) {
        guard let invocation = callee.invocations[request] else { return }
        touched = invocation.call
        guard isFinal else { return }
        callee.invocations[request] = nil
        answered(invocation, with: error, by: callee)
        if invocation.call?.invocation === invocation { invocation.call?.lose() }
    }

    func undelivered(_ message: Message, to key: SessionKey) {
        switch message {
        case .invocation(let invocation):
            guard let known = sessions[key]?.invocations.removeValue(forKey: invocation.request)
            else { return }
            known.question?.close()
            guard let call = known.call, !call.hasEnded, call.invocation === known else { return }
            call.invocation = nil
            mustResolve.append(call)
        case .result(let result):
            let callKey = CallKey(caller: key, request: result.request)
            if result.details.progress {
                if let call = calls[callKey] { mustResolve.append(call) }
            } else if let call = endedCalls.removeValue(forKey: callKey) {
                reopen(call)
            }
        case .error(let error):
            let callKey = CallKey(caller: key, request: error.request)
            if let call = endedCalls.removeValue(forKey: callKey) { reopen(call) }
        default: break
        }
    }

    /// An answer that did not arrive has not ended its call.
    private func reopen(_ call: AuditedCall) {
        call.hasEnded = false
        calls[call.key] = call
        mustResolve.append(call)
    }

    static func token(of payload: Payload) -> UInt64? {
        guard let first = (try? payload.values())?.args.first else { return nil }
        if case .binary(let bytes) = first {
            return bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * $1.offset) }
        }
        return first.unsigned
    }

    static func chunk(of payload: Payload) -> Int {
        let args = (try? payload.values())?.args ?? []
        return args.count > 1 ? Int(args[1].unsigned ?? 0) : 0
    }
}

// MARK: Effects

extension Auditor {
    func observe(_ invocation: Invocation, to callee: AuditedSession) {
        if let open = callee.invocations[invocation.request] {
            return observe(continuation: invocation, of: open)
        }
        let id = invocation.request
        check(
            id.rawValue == callee.lastInvocation + 1,
            "INVOCATION \(id) follows \(callee.lastInvocation)")
        callee.lastInvocation = id.rawValue
        guard let registration = registrations[invocation.registration],
            let entry = registration.callee(callee.key)
        else { return fail("INVOCATION to a session that is no callee of the registration") }
        check(!callee.isBlocked, "INVOCATION to a session that cannot be written to")
        guard !entry.isFull(registration.id) else {
            return fail("INVOCATION beyond the concurrency limit of \(entry.concurrency)")
        }
        let procedure = invocation.details.procedure?.description ?? registration.uri
        if procedure == Scenario.authorizer {
            return observe(question: invocation, to: callee, entry, registration)
        }
        guard let call = Auditor.token(of: invocation.payload).flatMap({ callsByToken[$0] }),
            !call.hasEnded
        else { return fail("INVOCATION without an open call") }
        check(call.invocation == nil, "call \(call.token) has two callees")
        checkChoice(of: registration, call)
        checkPick(of: entry, on: registration, for: call)
        registration.went(
            to: entry, key: stickiness(of: call), isPartitioned: isPartitioned(call),
            isFirst: call.tried.isEmpty)
        checkOrder(of: call, at: callee)
        checkDetails(invocation, call, entry, registration)
        let known = AuditedInvocation(
            invocation, callee: callee.key, serial: entry.serial, call: call)
        known.caller = invocation.details.custom["caller"]
        known.receivesProgress = invocation.details.custom.isOn("receive_progress")
        callee.invocations[id] = known
        call.invocation = known
        call.registration = registration.id
        call.tried.append(callee.key)
        call.isTimedByCallee = call.timeout > 0 && entry.keepsTime
    }

    private func observe(continuation: Invocation, of open: AuditedInvocation) {
        guard let call = open.call, !call.hasEnded else {
            return fail("one more INVOCATION of a call that has ended")
        }
        check(continuation.registration == open.registration, "a chunk of another registration")
        check(
            Auditor.token(of: continuation.payload) == call.token
                && Auditor.chunk(of: continuation.payload) == call.firstChunk + open.chunks,
            "chunk \(open.chunks) of call \(call.token) is missing")
        open.chunks += 1
        check(open.chunks <= call.chunks, "a chunk that nobody sent")
        let isLast = call.isComplete && open.chunks == call.chunks
        check(
            continuation.details.custom["caller"] == open.caller,
            "chunk \(open.chunks) of call \(call.token) tells otherwise who calls")
        check(
            continuation.details.custom.isOn("progress") != isLast,
            "chunk \(open.chunks) of call \(call.token): progress must say if it is the last")
    }

    /// SR-69: the best registration, once and for all.
    private func checkChoice(of registration: AuditedRegistration, _ call: AuditedCall) {
        if let chosen = call.registration {
            check(
                chosen == registration.id,
                "call \(call.token) did not go to the best registration, or not to that alone")
            return
        }
        check(
            Naming.matches(registration.match, registration.uri, call.procedure),
            "\(registration.uri) does not match \(call.procedure)")
        check(isLenient, "INVOCATION of a call that no registration matched")
    }

    func best(for uri: String) -> AuditedRegistration? {
        registrations.values.filter { Naming.matches($0.match, $0.uri, uri) }.max {
            Naming.isBetter(($1.match, $1.uri), than: ($0.match, $0.uri), for: uri)
        }
    }

    func isPartitioned(_ call: AuditedCall) -> Bool {
        settings.shardedRegistration && call.isPartitioned
    }

    func stickiness(of call: AuditedCall) -> String {
        call.options.custom["rkey"]?.string ?? "of \(call.key.caller)"
    }

    private func checkPick(
        of entry: AuditedCallee, on registration: AuditedRegistration, for call: AuditedCall
    ) {
        let pick = registration.pick(
            tried: call.tried, key: stickiness(of: call), isPartitioned: isPartitioned(call))
        guard case .oneOf(let callees) = pick,
            callees.contains(where: { $0.session === entry.session })
        else {
            let names = registration.callees.map { "\($0.session.id)" }.joined(separator: ", ")
            return fail(
                "\(registration.policy) does not choose \(entry.session.id) among [\(names)]")
        }
        check(canServe(entry.session, call), "INVOCATION to a callee that cannot serve the call")
    }

    func canServe(_ callee: AuditedSession, _ call: AuditedCall) -> Bool {
        if call.options.progress,
            !callee.has([.progressiveCallInvocations, .callCanceling], as: .callee)
        {
            return false
        }
        return !call.isPassthru || callee.has(.payloadPassthruMode, as: .callee)
    }

    /// Invocations keep the order of the calls, for each caller and callee.
    private func checkOrder(of call: AuditedCall, at callee: AuditedSession) {
        if !call.tried.isEmpty || touched !== call && !isLenient { call.wasDelayed = true }
        if let waiting = calls.values.first(where: { mustPrecede($0, call, at: callee) }) {
            fail("call \(call.token) has overtaken call \(waiting.token)")
        }
        guard !call.wasDelayed, queueRules.isEmpty else { return }
        let pair = [call.key.caller, callee.key]
        check(
            call.order > lastOrder[pair] ?? 0,
            "call \(call.token) was overtaken on its way to its callee")
        lastOrder[pair] = call.order
    }

    /// SR-61: whether a call that waits has waited longer for the same callee.
    private func mustPrecede(
        _ waiting: AuditedCall, _ call: AuditedCall, at callee: AuditedSession
    ) -> Bool {
        guard !isLenient, waiting !== call, waiting.registration == call.registration,
            waiting.invocation == nil, waiting.tried.isEmpty, call.tried.isEmpty,
            waiting.order < call.order, !waiting.isForRouter
        else { return false }
        return waiting.registration.flatMap { registrations[$0] }?.isWaited(
            for: callee.key, key: stickiness(of: waiting), isPartitioned: isPartitioned(waiting))
            ?? false
    }

    /// SR-68: a callee that keeps the time is told what is left of it, whatever came before.
    private func checkTimeout(_ timeout: UInt64, _ call: AuditedCall, _ entry: AuditedCallee) {
        guard entry.keepsTime, let end = call.deadline else {
            return check(timeout == 0, "timeout is \(timeout) for one that does not keep it")
        }
        let left = max(1, end.milliseconds(since: now.moment))
        // The time that the authorizer takes is not the call's.
        let most = settings.authorizer == nil ? left : call.timeout
        check((left...most).contains(timeout), "timeout is \(timeout), and \(left) ms are left")
    }

    private func checkDetails(
        _ invocation: Invocation, _ call: AuditedCall, _ entry: AuditedCallee,
        _ registration: AuditedRegistration
    ) {
        let details = invocation.details
        let wantsProgress =
            call.options.receiveProgress
            && (!settings.requiresAnnouncedFeatures
                || entry.session.has([.progressiveCallResults, .callCanceling], as: .callee))
        check(
            details.custom.isOn("receive_progress") == wantsProgress,
            "receive_progress must be \(wantsProgress)")
        let isLast = call.isComplete && call.chunks == 1
        check(details.custom.isOn("progress") != isLast, "progress must be \(!isLast)")
        check(
            details.procedure?.description
                == (registration.match == .exact ? nil : call.procedure),
            "procedure belongs to patterns, and to all of them")
        checkTimeout(details.timeout, call, entry)
        check(
            details.custom.isOn("_extra") == false
                && (details.custom["_extra"] != nil)
                    == (call.options.custom["_extra"] != nil && settings.forwardsCustomOptions),
            "an option of ours was not forwarded as it should be")
        check(
            details.custom.isPassthru == call.isPassthru, "ppt_scheme was not passed through")
        guard !isLenient, touched === call else { return }
        let asks =
            call.options.custom.isOn("disclose_me")
            || entry.options.custom.isOn("disclose_caller")
        let isDisclosed =
            switch call.disclosure {
            case .never: false
            case .onRequest: asks
            case .always: true
            }
        let caller = details.custom["caller"]?.unsigned
        check(
            caller == (isDisclosed ? sessions[call.key.caller]?.id.rawValue : nil),
            "the caller is \(isDisclosed ? "not " : "")disclosed")
    }

    func observe(_ interrupt: Interrupt, to callee: AuditedSession) {
        check(callee.canCancel, "INTERRUPT to a callee that did not announce call_canceling")
        guard let mode = interrupt.mode, mode != .skip else {
            return fail("INTERRUPT without a mode")
        }
        guard let invocation = callee.invocations[interrupt.request] else {
            switch fact {
            case .received(.yield(let yield), callee.key):
                // A late progressive result is answered so, once.
                if yield.options.progress, yield.request == interrupt.request { return }
            case .undeliverable(.invocation(let part), callee.key):
                // It has the parts before this one.
                if mode == .killnowait, part.request == interrupt.request { return }
            default: break
            }
            return fail("INTERRUPT of an invocation that is over")
        }
        check(
            mode == .killnowait || invocation.interrupts.isEmpty, "INTERRUPT kill comes late")
        check(invocation.interrupts.count < 3, "INTERRUPT over and over")
        invocation.interrupts.append(mode)
        if mode == .killnowait { invocation.isRelieved = true }
        invocation.question?.close()
    }

    func observe(_ result: Result, to caller: AuditedSession) {
        guard let call = calls[CallKey(caller: caller.key, request: result.request)] else {
            return fail("RESULT of a call that has ended")
        }
        if call.isForRouter {
            end(call)
            return answered(call, result)
        }
        guard case .received(.yield(let yield), let callee) = fact, touched === call else {
            return fail("RESULT without a YIELD")
        }
        check(yield.payload == result.payload, "RESULT has other arguments than its YIELD")
        check(yield.options.progress == result.details.progress, "progress differs from the YIELD")
        check(
            result.details.callee?.session
                == (settings.disclosesCallee ? sessions[callee]?.id : nil),
            "the callee must be named, if that is wanted")
        if result.details.progress {
            check(call.options.receiveProgress, "a progressive RESULT that nobody asked for")
            check(
                call.invocation?.receivesProgress == true, "the callee was not asked for progress")
            call.hasProgressed = true
            call.lastProgress = now.moment
        } else {
            end(call)
        }
    }

    /// ERROR to a CALL.
    func observe(_ error: ErrorMessage, to caller: AuditedSession) {
        guard let call = calls[CallKey(caller: caller.key, request: error.request)] else {
            return fail("ERROR of a call that has ended: \(error.error)")
        }
        checkReason(error, call)
        end(call)
    }

    func end(_ call: AuditedCall) {
        call.hasEnded = true
        calls[call.key] = nil
        if scenario.undeliverable > 0 { endedCalls[call.key] = call }
        if !call.isComplete { sessions[call.key.caller]?.endedEarly[call.key.request] = now.moment }
        call.invocation = nil
    }
}
