// Which release this is: the one place that says it.

package enum Release {
    /// As `wampctl --version` prints it.
    package static let version = "1.0.0"

    /// What router and client call themselves in WELCOME and HELLO.
    package static let agent = "wampctl-\(version)"
}
