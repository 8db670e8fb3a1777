// What a call asks for, and what the realm adds to it.

import WAMP

/// What a call asks for: the options of its first CALL, which later ones cannot change.
///
/// Spec: Advanced Profile, Progressive Call Invocations.
struct CallTerms {
    var procedure: URI
    /// In milliseconds; 0 = none.
    let timeout: UInt64
    let receivesProgress: Bool
    let isProgressive: Bool
    let isPassthru: Bool
    /// It went to a pattern, so the callee is told what was called.
    let isForPattern: Bool
    /// Whether callees may learn, or must learn, who calls.
    let disclosure: Disclosure
    /// The caller asked for it.
    let disclosesCaller: Bool
    /// The caller asked to be told the callee of an ERROR.
    let wantsCallee: Bool
    /// What decides for `_sticky` and sharded calls.
    let key: UInt64
    let isSharded: Bool
    let trustlevel: UInt64?
    /// What goes on to the callee as it is.
    let custom: Value.Dictionary
}

extension CallTerms {
    /// Of a plain call: no options, an exact registration of no rule of ours, no trust level.
    init(plain procedure: URI, disclosure: Disclosure) {
        self.init(
            procedure: procedure, timeout: 0, receivesProgress: false, isProgressive: false,
            isPassthru: false, isForPattern: false, disclosure: disclosure, disclosesCaller: false,
            wantsCallee: false,
            key: 0, isSharded: false, trustlevel: nil, custom: [:])
    }

    /// Of a call of the router's own, which is disclosed to nobody.
    init(question procedure: URI, timeout: UInt64, isForPattern: Bool, trustlevel: UInt64?) {
        self.init(
            procedure: procedure, timeout: timeout, receivesProgress: false, isProgressive: false,
            isPassthru: false, isForPattern: isForPattern, disclosure: .never,
            disclosesCaller: false, wantsCallee: false, key: 0, isSharded: false,
            trustlevel: trustlevel, custom: [:])
    }
}
