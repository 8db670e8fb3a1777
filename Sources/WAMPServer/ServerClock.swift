// The one place where the router looks at a clock on behalf of its realms.

import Glibc
import NIOCore
import WAMPRouter

extension Now {
    static var current: Now {
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        return Now(
            moment: Moment(nanoseconds: NIODeadline.now().uptimeNanoseconds),
            unixMilliseconds: Int64(wall.tv_sec) * 1000 + Int64(wall.tv_nsec) / 1_000_000)
    }
}

extension Moment {
    var deadline: NIODeadline { .uptimeNanoseconds(nanoseconds) }
}
