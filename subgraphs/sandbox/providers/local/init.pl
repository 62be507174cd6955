# The first process of a program's namespaces: it starts the program, carries
# signals to it, and when the program has ended it ends what is left and writes
# down the artifacts. It has no rights but those of the program's user. When it
# dies, the kernel kills everything in here.
package Init;
use strict;
use warnings;
use POSIX ();

my $watch_seconds = 0.02;
my $report_ms = 1_000;

# Never returns. Talks in lines on `events`; is told by single letters on
# `control`: G go, T terminate, K kill. Its end ends everything.
sub run {
    my ($order, $io) = @_;
    eval { prepare($order); 1 } or fail($io, $@);
    report($io, 'ready');
    sysread $io->{control}, my $letter, 1;
    POSIX::_exit(0) unless $letter eq 'G';

    my $signals = child_signals();
    my $main = fork // fail($io, "fork: $!\n");
    if ($main == 0) {
        eval { Program::become($order, $io) };
        fail($io, $@);
    }
    Program::drop_rights();
    close $io->{$_} for qw(stdout stderr);
    my $end = watch($order, $io, $main, $signals);
    kill 'KILL', -1;
    1 while waitpid(-1, 0) > 0;
    my ($user, $system) = (times)[2, 3];

    my ($block, $free, $inodes_free) = Linux::filesystem('/work');
    my $full = $free * $block < 65_536 || $inodes_free == 0 ? 1 : 0;
    eval { Collect::write_all($order, $io->{artifacts}); 1 } or report($io, "note artifacts: $@");
    my $cpu_ms = int(1_000 * ($user + $system));
    report($io, "ended @$end{qw(status at mono)} $cpu_ms $end->{peak} $full $end->{letters}");
    POSIX::_exit(0);
}

sub fail {
    my ($io, $message) = @_;
    report($io, "fail $message");
    POSIX::_exit(1);
}

sub report {
    my ($io, $line) = @_;
    $line =~ s/\s+\z//;
    syswrite $io->{events}, $line =~ s/\n/ /gr . "\n";
}

sub prepare {
    my ($order) = @_;
    die "not the first process of a namespace\n" if $$ != 1;    # or `kill -1` would reach others
    $0 = 'init';
    umask 022;
    Rootfs::build($order);
    my $name = "sandbox\0";
    Linux::must('sethostname', 'sethostname', \$name, 7);
    # Nothing about this process is open to the program.
    Linux::must('dumpable', 'prctl', Linux::PR_SET_DUMPABLE, 0, 0, 0, 0);
    Linux::must('pdeathsig', 'prctl', Linux::PR_SET_PDEATHSIG, POSIX::SIGKILL(), 0, 0, 0);
}

# A handle that becomes readable when a child has ended: nothing is missed
# between looking and waiting.
sub child_signals {
    my $set = POSIX::SigSet->new(POSIX::SIGCHLD());
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), $set);
    my $mask = pack 'Q', 1 << (POSIX::SIGCHLD() - 1);
    my $number = Linux::must('signalfd', 'signalfd4', -1, \$mask, 8, 02004000);
    open my $handle, '<&=', $number or die "signalfd: $!\n";
    return $handle;
}

# Waits for the end of the main process, and sees to it when it is told to.
sub watch {
    my ($order, $io, $main, $signals) = @_;
    my %end = (letters => '-', peak => 0);
    my $reported = 0;
    until (defined $end{status}) {
        my $ready = '';
        vec($ready, fileno $_, 1) = 1 for $io->{control}, $signals;
        my $count = select $ready, undef, undef, $order->{counted} ? undef : $watch_seconds;
        sysread $signals, my $ignored, 4_096;
        reap($main, \%end);
        next if defined $end{status};
        if ($count > 0 && vec $ready, fileno $io->{control}, 1) {
            sysread $io->{control}, my $letters, 64 or POSIX::_exit(0);
            obey($main, $_, \%end) for split //, $letters;
        }
        next if $order->{counted};
        my $bytes = Watch::memory_bytes($order->{memoryBytes});
        $end{peak} = $bytes if $bytes > $end{peak};
        obey($main, 'O', \%end) if $bytes > $order->{memoryBytes};
        my $now = Linux::monotonic_ms();
        next if $now - $reported < $report_ms;
        $reported = $now;
        report($io, 'usage ' . Watch::cpu_ms() . " $bytes $end{peak}");
    }
    return \%end;
}

sub reap {
    my ($main, $end) = @_;
    while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
        @$end{qw(status at mono)} = ($?, Linux::realtime_ms(), Linux::monotonic_ms()) if $pid == $main;
    }
}

# T asks the program to end; K, and O for want of memory, end everything.
sub obey {
    my ($main, $letter, $end) = @_;
    $end->{letters} .= $letter if index($end->{letters}, $letter) < 0;
    if ($letter eq 'T') { kill 'TERM', $main }
    else { kill 'KILL', -1 }
}

1;
