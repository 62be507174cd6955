# The way out of the machine: another user, then namespaces of one's own.
package Enter;
use strict;
use warnings;
use POSIX ();

my $namespaces =
    Linux::CLONE_NEWUSER | Linux::CLONE_NEWNS | Linux::CLONE_NEWPID | Linux::CLONE_NEWNET |
    Linux::CLONE_NEWIPC | Linux::CLONE_NEWUTS;

# Runs a function as the first process of new namespaces and gives its process
# id as the caller sees it. It is a child of this process's parent.
#
# Whoever is root becomes an ordinary user first: a user namespace that is made
# by root would leave what is inside root towards files and sysctls.
sub enter {
    my ($order, $uid, $first_process) = @_;
    if (defined $uid) {
        $order->{node} = keep_reachable($order->{node}) if $order->{node} ne '';
        become($uid);
    }
    my ($outer_uid, $outer_gid) = ($uid // $>, $uid // (split ' ', $))[0]);
    Linux::must('new namespaces', 'unshare', $namespaces);
    Linux::call('prctl', Linux::PR_SET_DUMPABLE, 1, 0, 0, 0);    # so that /proc/self is ours
    Linux::write_file('/proc/self/setgroups', 'deny');
    Linux::write_file('/proc/self/uid_map', "1000 $outer_uid 1\n");
    Linux::write_file('/proc/self/gid_map', "1000 $outer_gid 1\n");
    private_mounts();

    my $pid = Linux::must('first process', 'clone', Linux::CLONE_PARENT | POSIX::SIGCHLD());
    $first_process->() if $pid == 0;
    return $pid;
}

# Root's folders are closed to the user that it becomes: the binary is mounted
# where everybody gets to, in a mount namespace that only this process has.
sub keep_reachable {
    my ($binary) = @_;
    Linux::must('mount namespace', 'unshare', Linux::CLONE_NEWNS);
    private_mounts();
    my $source = Rootfs::open_path($binary);
    Linux::mount('entry', '/tmp', 'tmpfs', Linux::MS_NOSUID | Linux::MS_NODEV, 'size=4k,mode=755');
    Linux::write_file('/tmp/node', '');
    Linux::mount('/proc/self/fd/' . fileno $source, '/tmp/node', undef, Linux::MS_BIND, undef);
    return '/tmp/node';
}

sub private_mounts { Linux::mount('none', '/', undef, Linux::MS_REC | Linux::MS_PRIVATE, undef) }

# Becomes an ordinary user for good. The one right that is kept, to make
# namespaces where ordinary users may not, is gone with the next user namespace.
sub become {
    my ($uid) = @_;
    Linux::must('keep rights', 'prctl', Linux::PR_SET_KEEPCAPS, 1, 0, 0, 0);
    Linux::must('setgroups', 'setgroups', 0, 0);
    Linux::must('setresgid', 'setresgid', $uid, $uid, $uid);
    Linux::must('setresuid', 'setresuid', $uid, $uid, $uid);
    set_capabilities(1 << 21);    # CAP_SYS_ADMIN
    $( = $); $< = $>;             # what Perl remembers of them
}

sub set_capabilities {
    my ($bits) = @_;
    my $header = pack 'Ll', 0x20080522, 0;
    my $sets = pack 'L6', $bits, $bits, 0, 0, 0, 0;
    Linux::must('capabilities', 'capset', \$header, \$sets);
}

1;
