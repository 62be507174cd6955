# From a child of the first process to the customer's program.
package Program;
use strict;
use warnings;
use POSIX ();

# Linux resource numbers.
use constant {
    CPU => 0, FSIZE => 1, DATA => 2, STACK => 3, CORE => 4, NPROC => 6, NOFILE => 7, MEMLOCK => 8,
    MSGQUEUE => 12, NICE => 13, RTPRIO => 14,
};

# Gives up everything that a program may not have, then becomes the program.
# Comes back only by dying: nothing of the program ran then.
sub become {
    my ($order, $io) = @_;
    POSIX::setsid();
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), POSIX::SigSet->new);
    $SIG{$_} = 'DEFAULT' for qw(PIPE CHLD TERM INT HUP);

    for my $group (@{ $io->{groups} }) { syswrite $group, '0' or die "join cgroup: $!\n" }
    Linux::must('cgroup namespace', 'unshare', Linux::CLONE_NEWCGROUP);
    Linux::call('prctl', Linux::PR_SET_DUMPABLE, 1, 0, 0, 0);
    Linux::write_file('/proc/self/oom_score_adj', '800');
    set_limits($order);
    connect_streams($io);
    chdir '/work' or die "chdir /work: $!\n";
    drop_rights();

    %ENV = ();
    /\A([^=]+)=(.*)\z/s and $ENV{$1} = $2 for @{ $order->{env} };
    my @command = @{ $order->{argv} };
    Seccomp::apply($Linux::column, $order->{counted});
    exec { $command[0] } @command or die "exec $command[0]: $!\n";
}

sub set_limits {
    my ($order) = @_;
    my $seconds = 5 + int($order->{timeoutMs} / 1_000 * POSIX::ceil($order->{cpuMillicores} / 1_000));
    Linux::set_limit(CPU, $seconds, $seconds + 5);
    Linux::set_limit(FSIZE, $order->{diskBytes});
    Linux::set_limit(CORE, 0);
    Linux::set_limit(NOFILE, $order->{openFilesMax});
    Linux::set_limit(MEMLOCK, 65_536);
    Linux::set_limit(MSGQUEUE, 65_536);
    Linux::set_limit($_, 0) for NICE, RTPRIO;
    # Without a counter of its own, memory is watched: no process may outrun the watch for long.
    Linux::set_limit(DATA, 4 * $order->{memoryBytes} + (1 << 30)) if !$order->{counted};
    POSIX::nice(5) if !$order->{counted};
    # The first process counts too; this one has the user to itself.
    Linux::set_limit(NPROC, $order->{processesMax} + 1);
}

sub connect_streams {
    my ($io) = @_;
    open my $null, '<', '/dev/null' or die "open /dev/null: $!\n";
    my @from = map { fileno $_ } $null, $io->{stdout}, $io->{stderr};
    defined POSIX::dup2($from[$_], $_) or die "dup2: $!\n" for 0 .. 2;
    Linux::call('close_range', 3, 0xFFFFFFFF, 4);    # close on exec
}

sub drop_rights {
    Linux::must('securebits', 'prctl', Linux::PR_SET_SECUREBITS, 0x2F, 0, 0, 0);
    Linux::call('prctl', Linux::PR_CAP_AMBIENT, 4, 0, 0, 0);
    for my $capability (0 .. 63) {
        last if Linux::call('prctl', Linux::PR_CAPBSET_DROP, $capability, 0, 0, 0) == -1;
    }
    Enter::set_capabilities(0);
}

1;
