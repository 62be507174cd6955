# Watches over one attempt, in a folder of its own: starts the program once,
# writes down what it prints, ends it in time, and says how it ended. It needs
# nobody: whoever started it may be gone. When it dies, the program dies.
#
#     perl supervisor.pl <folder of the attempt>
use strict;
use warnings;
use Fcntl qw(:flock O_RDWR O_WRONLY O_CREAT O_APPEND O_TRUNC O_NONBLOCK);
use POSIX ();

BEGIN {
    my ($here) = __FILE__ =~ m{\A(.*)/} or die 'no folder';
    require "$here/$_.pl" for qw(
        linux seccomp rootfs enter program watch collect init groups output identity state
    );
}

my $heartbeat_ms = 1_000;
my $end_ms_max = 60_000;    # to kill everything and to write the artifacts down

$0 = 'forge-supervisor';
chdir $ARGV[0] or die "chdir $ARGV[0]: $!\n";
open my $lock, '>>', 'lock' or die "open lock: $!\n";
exit 75 unless flock $lock, LOCK_EX | LOCK_NB;    # another one has it
exit 0 if -e 'state';                            # it has run before
umask 077;
$SIG{PIPE} = 'IGNORE';
my $attempt = { killAt => undef, flags => '', handles => [$lock] };
exit(eval { supervise($attempt); 1 } ? 0 : give_up($attempt, $@));

# Nothing of a program whose supervisor gives up goes on: its end closes everything.
sub give_up {
    my ($attempt, $why) = @_;
    print STDERR $why;
    kill 'KILL', $attempt->{init} if $attempt->{init};
    State::refused($why) unless $attempt->{begunMono};
    Groups::remove($attempt->{groups}) if $attempt->{groups};
    return 1;
}

sub supervise {
    my ($attempt) = @_;
    unlink 'control';
    POSIX::mkfifo('control', 0600) or die "mkfifo: $!\n";
    sysopen my $control, 'control', O_RDWR | O_NONBLOCK or die "open control: $!\n";
    die "this machine's processor is not supported\n" if $Linux::column < 0;
    my $order = $attempt->{order} = State::read_order();
    my ($uid, $claim) = Identity::choose($order);
    my $groups = $attempt->{groups} = Groups::create($order, \&State::remember_group);
    $order->{counted} = $groups->{memory} && $groups->{cpuacct} ? 1 : 0;
    push @{ $attempt->{handles} }, $control, $claim // ();
    $attempt->{control} = $control;
    launch($attempt, $uid);
    State::supervisor($attempt, $uid);
    serve($attempt);
    conclude($attempt);
}

# Starts the first process of the program's namespaces.
sub launch {
    my ($attempt, $uid) = @_;
    my (%near, %far);
    for my $name (qw(stdout stderr events pid)) { pipe $near{$name}, $far{$name} or die "pipe: $!\n" }
    pipe $far{control}, $near{control} or die "pipe: $!\n";
    # So that /dev/stdout and /dev/stderr open for the program's user.
    if (defined $uid) { chown $uid, $uid, $far{$_} or die "chown: $!\n" for qw(stdout stderr) }
    sysopen $far{artifacts}, 'artifacts', O_WRONLY | O_CREAT | O_TRUNC or die "artifacts: $!\n";
    sysopen my $log, 'output', O_WRONLY | O_CREAT | O_APPEND or die "output: $!\n";
    $far{groups} = [Groups::doors($attempt->{groups})];

    my $stage = fork // die "fork: $!\n";
    if ($stage == 0) {
        close $_ for values %near, $log, @{ $attempt->{handles} };
        my $order = $attempt->{order};
        my $pid = eval { Enter::enter($order, $uid, sub { close $far{pid}; Init::run($order, \%far) }) };
        Init::fail(\%far, $@) unless $pid;
        syswrite $far{pid}, $pid;
        POSIX::_exit(0);
    }
    close $_ for @{ delete $far{groups} }, values %far;
    waitpid $stage, 0;
    my $read = sysread $near{pid}, my $pid, 16;    # nothing if the stage died
    $attempt->{init} = $read ? 0 + $pid : 0;
    $attempt->{near} = \%near;
    $attempt->{output} = Output->new($log, $attempt->{order}{outputBytesMax});
}

# Serves the program until its first process is gone and all output is read.
sub serve {
    my ($attempt) = @_;
    my ($near, $control) = @$attempt{qw(near control)};
    my %open = map { $_ => $near->{$_} } qw(stdout stderr events);
    while (%open) {
        my $ready = '';
        vec($ready, fileno $_, 1) = 1 for values %open, $control;
        my $count = select $ready, undef, undef, pause($attempt) / 1_000;
        if ($count > 0) {
            for my $name (sort keys %open) {    # events first: they say when it began
                next unless vec $ready, fileno $open{$name}, 1;
                delete $open{$name} unless receive($attempt, $name, $open{$name});
            }
            take_order($attempt) if vec $ready, fileno $control, 1;
        }
        on_time($attempt);
    }
    waitpid $attempt->{init}, 0 if $attempt->{init};
}

sub receive {
    my ($attempt, $name, $handle) = @_;
    if ($name ne 'events') {
        my $more = $attempt->{output}->take($name eq 'stdout' ? 1 : 2, $handle);
        order_end($attempt, 'X', 0) if $attempt->{output}->exceeded && $attempt->{flags} !~ /X/;
        return $more;
    }
    my $read = sysread $handle, $attempt->{heard}, 65_536, length($attempt->{heard} //= '');
    hear($attempt, $1) while $attempt->{heard} =~ s/\A(.*)\n//;
    return $read;
}

# What the first process says.
sub hear {
    my ($attempt, $line) = @_;
    my ($word, $rest) = split / /, $line, 2;
    if ($word eq 'ready') {
        @$attempt{qw(begunAt begunMono)} = (Linux::realtime_ms(), Linux::monotonic_ms());
        $attempt->{deadline} = $attempt->{begunMono} + $attempt->{order}{timeoutMs};
        State::running($attempt, 1);
        syswrite $attempt->{near}{control}, $attempt->{flags} =~ /S/ ? 'GT' : 'G';
    }
    elsif ($word eq 'usage') { @{ $attempt->{told} }{qw(cpu memory peak)} = split / /, $rest }
    elsif ($word eq 'ended') {
        @{ $attempt->{end} }{qw(status at mono cpu peak full letters)} = split / /, $rest;
    }
    elsif ($word eq 'fail') { $attempt->{failure} = $rest }
    else { print STDERR "$line\n" }
}

# What is asked from outside: S end it, X be gone.
sub take_order {
    my ($attempt) = @_;
    sysread $attempt->{control}, my $letters, 64;
    if ($letters =~ /X/) {
        kill 'KILL', $attempt->{init} if $attempt->{init};
        waitpid $attempt->{init}, 0 if $attempt->{init};
        Groups::remove($attempt->{groups});
        exit 0;
    }
    order_end($attempt, 'S', 0 + (Linux::read_file('stop') // 0)) if $letters =~ /S/;
}

# Has the program ended: asked now, forced when the grace is over. A grace
# that is asked for later never outlasts an earlier one.
sub order_end {
    my ($attempt, $flag, $grace_ms) = @_;
    my $first = $attempt->{flags} !~ /[ST]/;
    $attempt->{flags} .= $flag unless $attempt->{flags} =~ /$flag/;
    my $at = Linux::monotonic_ms() + $grace_ms;
    $attempt->{killAt} = $at if !defined $attempt->{killAt} || $at < $attempt->{killAt};
    syswrite $attempt->{near}{control}, 'T' if $first && $grace_ms > 0 && $attempt->{begunMono};
    on_time($attempt) if $grace_ms == 0;
}

sub on_time {
    my ($attempt) = @_;
    my $now = Linux::monotonic_ms();
    my ($deadline, $kill_at) = @$attempt{qw(deadline killAt)};
    if ($deadline && $now >= $deadline && $attempt->{flags} !~ /T/) {
        order_end($attempt, 'T', $attempt->{order}{graceMs});
    }
    if (defined $kill_at && $now >= $kill_at && $attempt->{begunMono}) {
        syswrite $attempt->{near}{control}, 'K' unless $attempt->{killed}++;
        # The first process did not do it in time.
        kill 'KILL', $attempt->{init} if $now >= $kill_at + $end_ms_max;
    }
    return unless $attempt->{begunMono} && !$attempt->{end};
    State::running($attempt, 0) if $now >= ($attempt->{beatMono} // 0) + $heartbeat_ms;
}

# Until something has to be done of itself.
sub pause {
    my ($attempt) = @_;
    my $now = Linux::monotonic_ms();
    my @moments = ($now + $heartbeat_ms, grep { defined } $attempt->{killAt});
    push @moments, $attempt->{deadline} if $attempt->{deadline} && $attempt->{flags} !~ /T/;
    my ($next) = sort { $a <=> $b } grep { $_ > $now } @moments;
    return ($next // $now) - $now + 1;
}

sub conclude {
    my ($attempt) = @_;
    $attempt->{output}->finish;
    if ($attempt->{failure} || !$attempt->{begunMono}) {
        State::refused($attempt->{failure} // 'The first process was gone before the program began.');
    }
    else { State::ended($attempt) }
    Groups::remove($attempt->{groups});
}
