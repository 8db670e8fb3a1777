// A call that its callee has been given and has not answered.

/// Two sessions over RawSocket with JSON; whatever the callee answers is the test's own.
struct RunningCall: ~Copyable {
    var callee: RawPeer
    var caller: RawPeer
    /// The INVOCATION that the callee got.
    let invocation: String

    init(of procedure: String, port: Int) throws {
        var callee = try RawPeer(port: port)
        try callee.joinRawSocket()
        callee.sendFrame(#"[64,1,{},"\#(procedure)"]"#)
        _ = try callee.readFrame()
        var caller = try RawPeer(port: port)
        try caller.joinRawSocket()
        caller.sendFrame(#"[48,1,{},"\#(procedure)"]"#)
        invocation = try callee.readFrame()
        self.callee = callee
        self.caller = caller
    }
}
