// Which release this is: the one place that says it.

package enum Release {
    package static let name = "wampctl"

    /// As `wampctl --version` prints it.
    package static let version = "1.0.0"

    /// What router and client call themselves in WELCOME and HELLO.
    package static let agent = "\(name)-\(version)"
}
