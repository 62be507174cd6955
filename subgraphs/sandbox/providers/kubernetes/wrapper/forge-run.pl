#!/usr/bin/perl
# Runs a program as the first process of a container, and says how it ended.
#
#   forge-run --timeout-ms=N --grace-ms=N --processes=N --open-files=N [--output-bytes=N] -- command…
#
# What the program prints goes to the container's log as one stream of frames, a
# line each: a letter, a space, the text. `o` and `e` are whole lines of standard
# output and error, `O` and `E` parts of one that goes on; `g` counts the bytes
# that were dropped; `x` says that there is nothing more. The result is written to
# /dev/termination-log, in at most 4,096 bytes.
#
# Variables whose names begin with FORGE_ENV_ are the program's: it gets them without
# that. So what a program declares never reaches this perl or its loader.
#
# It needs perl-base and nothing else. See ../frames.ts for who reads this.
use strict;
use warnings;
use POSIX qw(WNOHANG);

my $machine = (POSIX::uname())[4];
my $column = $machine eq 'x86_64' ? 0 : $machine eq 'aarch64' ? 1 : die "forge-run: no $machine\n";
my %numbers = (clock_gettime => [228, 113], getrusage => [98, 165], prctl => [157, 167], prlimit64 => [302, 261]);

# A reference is passed as the address of its string, anything else as a number.
sub call {
    my ($name, @arguments) = @_;
    my @words = map { ref $_ ? $_ : \(0 + $_) } @arguments, (0) x (4 - @arguments);
    my ($a, $b, $c, $d) = @words;    # spelled out: a list operator would pass copies
    return syscall($numbers{$name}[$column], $$a, $$b, $$c, $$d);
}

sub now_ms {
    my $time = "\0" x 16;
    call('clock_gettime', 0, \$time);
    my ($seconds, $nanoseconds) = unpack 'qq', $time;
    return $seconds * 1_000 + int($nanoseconds / 1_000_000);
}

my %option = ('timeout-ms' => 60_000, 'grace-ms' => 5_000, processes => 256, 'open-files' => 1_024,
    'output-bytes' => 50 * 1_048_576);
while (@ARGV && $ARGV[0] ne '--') {
    my ($name, $value) = (shift @ARGV) =~ /^--([a-z-]+)=([0-9]+)$/ or die "forge-run: what option is that?\n";
    $option{$name} = $value;
}
shift @ARGV;
my $line_bytes_max = 16_000;    # a runtime cuts lines of its log at 16 KiB

# What runs beside cannot open our streams, nor trace us: PR_SET_DUMPABLE.
call('prctl', 4, 0);

my $term = 0;
$SIG{TERM} = sub { $term = 1 };
$SIG{PIPE} = 'IGNORE';

pipe my $out_read, my $out_write or die "pipe: $!";
pipe my $err_read, my $err_write or die "pipe: $!";
my $started = now_ms();
my $child = fork() // die "fork: $!";
if ($child == 0) {
    $SIG{$_} = 'DEFAULT' for qw(TERM PIPE);
    setpgrp(0, 0);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $out_write;
    open STDERR, '>&', $err_write;
    close $_ for $out_read, $err_read, $out_write, $err_write;
    my @limits = ([6, $option{processes}], [7, $option{'open-files'}], [4, 0]);
    for (@limits) {
        my $limit = pack 'QQ', $_->[1], $_->[1];
        call('prlimit64', 0, $_->[0], \$limit, 0);
    }
    chdir '/work';
    my @own = grep { /^FORGE_ENV_./ } keys %ENV;
    my @values = delete @ENV{@own};
    @ENV{map { substr $_, length 'FORGE_ENV_' } @own} = @values;
    exec { $ARGV[0] } @ARGV or print STDERR "forge-run: $ARGV[0]: $!\n";
    POSIX::_exit(127);
}
close $out_write;
close $err_write;

my %stream = (o => { handle => $out_read, rest => '' }, e => { handle => $err_read, rest => '' });
my ($kept, $dropped) = (0, 0);

sub frame {
    my $text = join '', @_;
    my $at = 0;
    while ($at < length $text) {
        my $written = syswrite STDOUT, $text, length($text) - $at, $at;
        return unless defined $written || $!{EINTR};
        $at += $written // 0;
    }
}

sub keep {
    my ($letter, $line) = @_;
    my $room = $option{'output-bytes'} - $kept;
    if ($dropped || length $line > $room) {
        $dropped += length $line;
        return '';
    }
    $kept += length $line;
    return "$letter $line\n";
}

# Takes what there is to read of a stream. False at its end.
sub take {
    my ($letter) = @_;
    my $one = $stream{$letter};
    my $read = sysread $one->{handle}, $one->{rest}, 65_536, length $one->{rest};
    return 1 if !defined $read && ($!{EINTR} || $!{EAGAIN});
    my $frames = '';
    while ((my $feed = index $one->{rest}, "\n") >= 0) {
        last if $feed > $line_bytes_max;
        $frames .= keep($letter, substr $one->{rest}, 0, $feed);
        substr $one->{rest}, 0, $feed + 1, '';
    }
    while (length $one->{rest} > $line_bytes_max) {
        my $cut = $line_bytes_max;
        for my $back (0 .. 3) {
            next if (ord(substr $one->{rest}, $line_bytes_max - $back, 1) & 0xC0) == 0x80;
            $cut = $line_bytes_max - $back;
            last;
        }
        $frames .= keep(uc $letter, substr $one->{rest}, 0, $cut, '');
        while ((my $feed = index $one->{rest}, "\n") >= 0) {
            last if $feed > $line_bytes_max;
            $frames .= keep($letter, substr $one->{rest}, 0, $feed);
            substr $one->{rest}, 0, $feed + 1, '';
        }
    }
    if (!$read && length $one->{rest}) {
        $frames .= keep($letter, $one->{rest});
        $one->{rest} = '';
    }
    frame($frames) if length $frames;
    return $read ? 1 : 0;
}

# All that runs here, where this is the first process; else what the program began.
sub kill_all { kill 'KILL', ($$ == 1 ? -1 : -$child) }

my ($status, $finished, $kill_at, $why, $killed) = (undef, undef, undef, '', 0);
my $deadline = $started + $option{'timeout-ms'};
while (%stream || !defined $status) {
    my $now = now_ms();
    if (!defined $status && !$why) {
        if ($term) { ($why, $kill_at) = ('stopped', $now + 1e12); kill('TERM', $child) }
        elsif ($now >= $deadline) { ($why, $kill_at) = ('timedOut', $now + $option{'grace-ms'}); kill('TERM', $child) }
        elsif ($dropped) { ($why, $kill_at) = ('outputLimit', $now) }
    }
    if (defined $kill_at && $now >= $kill_at && !$killed) { $killed = 1; kill_all() }
    my $bits = '';
    vec($bits, fileno $stream{$_}{handle}, 1) = 1 for keys %stream;
    my $wait = defined $status ? 0.02 : 0.005 + ($now - $started > 1_000 ? 0.02 : 0);
    my $found = %stream ? select(my $ready = $bits, undef, undef, $wait) : select(undef, undef, undef, $wait);
    for my $letter ($found > 0 ? keys %stream : ()) {
        next unless vec $ready, fileno $stream{$letter}{handle}, 1;
        delete $stream{$letter} unless take($letter);
    }
    while ((my $pid = waitpid -1, WNOHANG) > 0) {
        next unless $pid == $child;
        ($status, $finished) = ($?, now_ms());
        kill_all();    # what it left behind
    }
}
while (waitpid(-1, 0) > 0) { }

frame("g $dropped\n") if $dropped;
frame("x\n");
write_result();
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);

# The counters of the container if it has any, of the processes if not.
sub usage {
    my $text = read_text('/sys/fs/cgroup/cpu.stat') // '';
    my $peak = read_text('/sys/fs/cgroup/memory.peak');
    my ($cpu) = $text =~ /^usage_usec (\d+)/m;
    my $counters = "\0" x 144;
    call('getrusage', -1, \$counters);
    my @own = unpack 'q18', $counters;
    $cpu //= $own[0] * 1e6 + $own[1] + $own[2] * 1e6 + $own[3];
    chomp $peak if defined $peak;
    $peak = $own[4] * 1_024 unless defined $peak && $peak =~ /^\d+$/;
    return (int($cpu / 1_000), $peak);
}

sub write_result {
    my ($cpu, $peak) = usage();
    my ($kills) = (read_text('/sys/fs/cgroup/memory.events') // '') =~ /^oom_kill (\d+)/m;
    my $signal = ($status & 127) || 'null';
    my %flag = map { $_ => ($why eq $_ ? 'true' : 'false') } qw(timedOut stopped outputLimit);
    my $exit = $signal eq 'null' ? $status >> 8 : 'null';
    my $oom = ($kills // 0) > 0 ? 'true' : 'false';
    open my $log, '>', '/dev/termination-log' or return;
    print $log qq({"v":1,"startedAt":$started,"finishedAt":$finished,"exitCode":$exit,"signal":$signal,"oomKilled":$oom,)
        . qq("timedOut":$flag{timedOut},"stopped":$flag{stopped},"outputLimit":$flag{outputLimit},)
        . qq("cpuMs":$cpu,"memoryPeakBytes":$peak});
    close $log;
}

sub read_text {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    local $/;
    return scalar <$file>;
}
