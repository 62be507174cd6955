# The files of an attempt that others read. Each is put in place whole.
package State;
use strict;
use warnings;

my %lists = map { $_ => 1 } qw(argv env);
my $artifact = qr/\Aartifacts\.(\w+)\z/;

# An order is a row of netstrings: name, value, name, value.
sub read_order {
    my $text = Linux::read_file('order') // die "open order: $!\n";
    my (@parts, %order);
    while ($text =~ /\G([0-9]+):/gc) {
        push @parts, substr $text, pos $text, $1;
        pos($text) += $1;
        die "order is damaged\n" unless $text =~ /\G,/gc;
    }
    while (my ($name, $value) = splice @parts, 0, 2) {
        if ($lists{$name}) { push @{ $order{$name} }, $value }
        elsif ($name =~ $artifact) { $order{artifacts}{$1} = $value }
        else { $order{$name} = $value }
    }
    return \%order;
}

# What must be known to find and to end an attempt whose supervisor hangs.
sub supervisor {
    my ($attempt, $uid) = @_;
    my $groups = $attempt->{groups};
    my %numbers = (
        pid => $$, startTime => start_time($$),
        initPid => $attempt->{init}, initStartTime => start_time($attempt->{init}),
    );
    my @limited = grep { $groups->{$_} } qw(memory pids cpu cpuacct);
    my $fields = join ',', map { qq("$_":$numbers{$_}) } sort keys %numbers;
    my $names = join ',', map { qq("$_") } @limited;
    my $boot = (Linux::read_file('/proc/sys/kernel/random/boot_id') // '') =~ s/\s//gr;
    my $user = defined $uid ? $uid : 'null';
    put('supervisor', qq({$fields,"bootId":"$boot","uid":$user,"version":$groups->{version},"groups":[$names]}), 0);
}

sub start_time {
    my ($pid) = @_;
    my $stat = Linux::read_file("/proc/$pid/stat") // return 0;
    return (split ' ', $stat =~ s/\A.*\)//sr)[19];
}

sub remember_group {
    my ($folder) = @_;
    open my $list, '>>', 'groups' or die "open groups: $!\n";
    syswrite $list, "$folder\n";
}

# Lasting, when a program must not run twice whatever happens to the machine.
sub running {
    my ($attempt, $lasting) = @_;
    $attempt->{beatMono} = Linux::monotonic_ms();
    my $usage = usage($attempt, $attempt->{beatMono});
    put('state', qq({"kind":"running","startedAt":$attempt->{begunAt},"usage":$usage}), $lasting);
}

sub usage {
    my ($attempt, $until_mono) = @_;
    my ($counted, $told) = (Groups::usage($attempt->{groups}), $attempt->{told} // {});
    my $wall = $until_mono - $attempt->{begunMono};
    my $cpu = $counted->{cpu} // $told->{cpu} // 0;
    my $memory = $counted->{memory} // $told->{memory} // 0;
    my $peak = $counted->{peak} // $told->{peak} // 0;
    $attempt->{kills} = $counted->{kills} // 0;
    my $at = Linux::realtime_ms();
    return qq({"at":$at,"wallMs":$wall,"cpuMs":$cpu,"memoryBytes":$memory,"memoryPeakBytes":$peak});
}

sub ended {
    my ($attempt) = @_;
    my $end = $attempt->{end} // {
        status => 9, at => Linux::realtime_ms(), mono => Linux::monotonic_ms(), full => 0, letters => '',
    };
    @{ $attempt->{told} }{qw(cpu peak)} = @$end{qw(cpu peak)} if defined $end->{cpu};
    my $usage = usage($attempt, $end->{mono});
    my ($code, $signal) = ($end->{status} >> 8, $end->{status} & 127);
    my $has = sub { return index($_[0], $_[1]) >= 0 };
    # What came too late to reach the program did not end it.
    my $asked = $end->{letters} =~ /[TK]/ || !$attempt->{end};
    my @flags = (
        [timedOut => $asked && $has->($attempt->{flags}, 'T')],
        [stopped => $asked && $has->($attempt->{flags}, 'S')],
        [outputLimit => $has->($attempt->{flags}, 'X')],
        [oomKilled => $attempt->{kills} || $has->($end->{letters}, 'O')],
        [diskLimit => $end->{full} || $signal == POSIX::SIGXFSZ()],
    );
    my $flags = join ',', map { qq("$_->[0]":) . ($_->[1] ? 'true' : 'false') } @flags;
    my $how = $signal ? qq("exitCode":null,"signal":$signal) : qq("exitCode":$code,"signal":null);
    put('state', qq({"kind":"ended","startedAt":$attempt->{begunAt},"finishedAt":$end->{at},)
        . qq("usage":$usage,"verdict":{$how,$flags}}), 1);
}

sub refused {
    my ($why) = @_;
    my $message = substr $why =~ s/\s+\z//r =~ s/[^\x20-\x7e]/?/gr =~ s/(["\\])/\\$1/gr, 0, 1_000;
    put('state', qq({"kind":"refused","message":"$message"}), 1);
}

sub put {
    my ($name, $text, $lasting) = @_;
    open my $file, '>', "$name.new" or die "open $name: $!\n";
    (syswrite($file, $text) // -1) == length $text or die "write $name: $!\n";
    Linux::call('fsync', fileno $file) if $lasting;
    close $file;
    rename "$name.new", $name or die "rename $name: $!\n";
    return unless $lasting && open my $folder, '<', '.';
    Linux::call('fsync', fileno $folder);
}

1;
