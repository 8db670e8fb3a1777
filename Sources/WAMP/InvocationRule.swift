/// Which callee of a shared registration is invoked. The raw value is REGISTER.Options.invoke.
///
/// The names beginning with `_` are this router's own.
///
/// Spec: Advanced Profile, Shared Registration.
public enum InvocationRule: String, CaseIterable, Sendable {
    /// One callee only: the procedure is not shared.
    case single
    /// Each in turn.
    case roundrobin
    /// Any, with equal chances.
    case random
    /// The one that registered first.
    case first
    /// The one that registered last.
    case last
    /// Whoever has the fewest invocations in flight; in turn among equals.
    case leastbusy = "_leastbusy"
    /// The same caller, or the same `rkey`, goes to the same callee as long as it is there.
    case sticky = "_sticky"
}
