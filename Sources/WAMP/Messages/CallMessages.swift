// Remote procedure calls. Spec: Basic Profile, Remote Procedure Calls; Advanced Profile, RPC.
//
// In every options and details structure, `custom` holds the keys that have no field here, in the
// order they came. Of those, the router forwards only the implementation-specific ones (see
// `forwardable`).

package struct Call: Equatable, Sendable {
    package var request: RequestID
    package var options: CallOptions
    package var procedure: URI
    package var payload: Payload

    package init(
        request: RequestID, options: CallOptions = CallOptions(), procedure: URI,
        payload: Payload = Payload()
    ) {
        self.request = request
        self.options = options
        self.procedure = procedure
        self.payload = payload
    }
}

package struct CallOptions: Equatable, Sendable {
    /// Milliseconds until the call ends with `wamp.error.timeout`; 0 = no limit.
    package var timeout: UInt64 = 0
    package var progress = false
    package var receiveProgress = false
    package var custom: Value.Dictionary = [:]

    package init(timeout: UInt64 = 0, custom: Value.Dictionary = [:]) {
        self.timeout = timeout
        self.custom = custom
    }
}

package struct Cancel: Equatable, Sendable {
    package var request: RequestID
    package var mode: CancelMode?
    package var custom: Value.Dictionary = [:]

    package init(request: RequestID, mode: CancelMode? = nil) {
        self.request = request
        self.mode = mode
    }
}

/// Spec: Advanced Profile, Call Canceling.
public enum CancelMode: String, Sendable, CaseIterable {
    /// The caller is answered at once, the callee is not told.
    case skip
    /// The callee is interrupted and its answer is the call's end.
    case kill
    /// The callee is interrupted and the caller is answered at once.
    case killnowait
}

/// RESULT.Details, YIELD.Options, and the details of an ERROR that a callee sent.
package struct OutcomeDetails: Equatable, Sendable {
    package var progress = false
    /// Who answered: `callee`, `callee_authid`, `callee_authrole`. Written by the router only.
    package var callee: PeerIdentity?
    package var custom: Value.Dictionary = [:]

    package init(
        progress: Bool = false, callee: PeerIdentity? = nil, custom: Value.Dictionary = [:]
    ) {
        self.progress = progress
        self.callee = callee
        self.custom = custom
    }
}

package struct Result: Equatable, Sendable {
    package var request: RequestID
    package var details: OutcomeDetails
    package var payload: Payload

    package init(
        request: RequestID, details: OutcomeDetails = OutcomeDetails(), payload: Payload = Payload()
    ) {
        self.request = request
        self.details = details
        self.payload = payload
    }
}

package struct Yield: Equatable, Sendable {
    package var request: RequestID
    package var options: OutcomeDetails
    package var payload: Payload

    package init(
        request: RequestID, options: OutcomeDetails = OutcomeDetails(), payload: Payload = Payload()
    ) {
        self.request = request
        self.options = options
        self.payload = payload
    }
}

package struct Invocation: Equatable, Sendable {
    package var request: RequestID
    package var registration: RegistrationID
    package var details: InvocationDetails
    package var payload: Payload

    package init(
        request: RequestID, registration: RegistrationID,
        details: InvocationDetails = InvocationDetails(),
        payload: Payload = Payload()
    ) {
        self.request = request
        self.registration = registration
        self.details = details
        self.payload = payload
    }
}

package struct InvocationDetails: Equatable, Sendable {
    /// The called URI; absent for a registration of that exact URI.
    package var procedure: URI?
    /// Milliseconds, when the callee keeps the call's time limit.
    package var timeout: UInt64 = 0
    package var custom: Value.Dictionary = [:]

    package init(custom: Value.Dictionary = [:]) { self.custom = custom }
}

package struct Interrupt: Equatable, Sendable {
    package var request: RequestID
    package var mode: CancelMode?
    package var custom: Value.Dictionary = [:]

    package init(request: RequestID, mode: CancelMode? = nil) {
        self.request = request
        self.mode = mode
    }
}

package struct Register: Equatable, Sendable {
    package var request: RequestID
    package var options: RegisterOptions
    package var procedure: URI

    package init(request: RequestID, options: RegisterOptions = RegisterOptions(), procedure: URI) {
        self.request = request
        self.options = options
        self.procedure = procedure
    }
}

package struct RegisterOptions: Equatable, Sendable {
    package var match = MatchPolicy.exact
    /// The invocation rule as it was written: an unknown one is an error of the request, not of the
    /// session.
    package var invoke: String?
    /// `_retry_on_loss`: the procedure is idempotent, so a call may be given to another callee when
    /// one is lost.
    package var retryOnLoss = false
    package var custom: Value.Dictionary = [:]

    package init(invoke: String? = nil, match: MatchPolicy = .exact, retryOnLoss: Bool = false) {
        self.invoke = invoke
        self.match = match
        self.retryOnLoss = retryOnLoss
    }
}

package struct Registered: Equatable, Sendable {
    package var request: RequestID
    package var registration: RegistrationID

    package init(request: RequestID, registration: RegistrationID) {
        self.request = request
        self.registration = registration
    }
}

package struct Unregister: Equatable, Sendable {
    package var request: RequestID
    package var registration: RegistrationID

    package init(request: RequestID, registration: RegistrationID) {
        self.request = request
        self.registration = registration
    }
}

package struct Unregistered: Equatable, Sendable {
    /// The request answered; nil when the router itself took the registration away (request 0 on
    /// the wire).
    package var request: RequestID?
    /// Only in a revocation: `registration`, `reason`.
    package var details: Value.Dictionary

    package init(request: RequestID?, details: Value.Dictionary = [:]) {
        self.request = request
        self.details = details
    }
}

/// An ERROR, the answer to a request of type `requestType`.
///
/// Spec: Basic Profile, ERROR.
package struct ErrorMessage: Equatable, Sendable {
    package var requestType: MessageCode
    package var request: RequestID
    package var details: OutcomeDetails
    package var error: ErrorURI
    package var payload: Payload

    package init(
        _ requestType: MessageCode, request: RequestID, details: OutcomeDetails = OutcomeDetails(),
        error: ErrorURI, payload: Payload = Payload()
    ) {
        self.requestType = requestType
        self.request = request
        self.details = details
        self.error = error
        self.payload = payload
    }
}
