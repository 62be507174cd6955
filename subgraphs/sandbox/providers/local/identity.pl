# Whose processes a program's processes are.
package Identity;
use strict;
use warnings;
use Socket qw(AF_UNIX SOCK_DGRAM pack_sockaddr_un);

# For root: a user id that nobody has and no other attempt on this machine uses
# now, with the handle that claims it for as long as it is open. For an
# ordinary user: nothing, as it can only be itself.
sub choose {
    my ($order) = @_;
    return (undef, undef) if $> != 0;
    my ($first, $count) = @$order{qw(uidFirst uidCount)};
    for my $n (0 .. $count - 1) {
        my $uid = $first + ($$ + $n) % $count;
        socket my $claim, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!\n";
        return ($uid, $claim) if bind $claim, pack_sockaddr_un("\0forge-sandbox-user-$uid");
    }
    die "All $count user ids for programs are in use.\n";
}

1;
