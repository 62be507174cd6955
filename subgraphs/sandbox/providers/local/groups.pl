# The cgroups of an attempt: made below the one this process is in, nowhere
# else. Whatever cannot be made here is left out, and watched or said instead.
package Groups;
use strict;
use warnings;

# Gives the groups: for `memory`, `pids`, `cpu` and `cpuacct` the folder that
# limits or counts it, as far as there is one.
sub create {
    my ($order, $record) = @_;
    my $groups = { version => 1 };
    for my $controller (qw(memory pids cpu cpuacct)) {
        my $base = base($controller) // next;
        make($groups, $controller, "$base/$order->{group}", $record);
    }
    if (!$groups->{memory} && defined(my $base = unified())) {
        $groups = { version => 2 };
        make($groups, $_, "$base/$order->{group}", $record) for qw(memory pids cpu);
        $groups->{cpuacct} = $groups->{cpu} // $groups->{memory};
        delete $groups->{cpuacct} unless defined $groups->{cpuacct};
    }
    limit($groups, $order);
    return $groups;
}

# Where the group of this process for a controller lies (v1).
sub base {
    my ($controller) = @_;
    my $own = Linux::read_file('/proc/self/cgroup') // '';
    return undef unless $own =~ /^\d+:(?:[^:\n]*,)?\Q$controller\E(?:,[^:\n]*)?:(.*)$/m;
    my $path = $1;
    return mounted($path, sub { $_[0] eq 'cgroup' && ",$_[1]," =~ /,\Q$controller\E,/ });
}

# Where the group of this process lies (v2), if it may hand out what is needed.
sub unified {
    my $own = Linux::read_file('/proc/self/cgroup') // '';
    return undef unless $own =~ /^0::(.*)$/m;
    my $base = mounted($1, sub { $_[0] eq 'cgroup2' }) // return undef;
    for my $controller (qw(memory pids cpu)) {
        eval { Linux::write_file("$base/cgroup.subtree_control", "+$controller") };
    }
    my $given = Linux::read_file("$base/cgroup.subtree_control") // '';
    return $given =~ /\bmemory\b/ ? $base : undef;
}

sub mounted {
    my ($path, $wanted) = @_;
    for my $line (split /\n/, Linux::read_file('/proc/self/mountinfo') // '') {
        my ($left, $right) = split / - /, $line, 2;
        my ($root, $point) = (split ' ', $left)[3, 4];
        my ($type, undef, $options) = split ' ', $right;
        next unless $wanted->($type, $options);
        my $below = $root eq '/' ? $path : $path =~ s/\A\Q$root\E//r;
        my $folder = "$point$below" =~ s{/+\z}{}r;
        return $folder if -w $folder;
    }
    return undef;
}

sub make {
    my ($groups, $controller, $folder, $record) = @_;
    $record->($folder);
    return unless mkdir $folder or $!{EEXIST};
    $groups->{$controller} = $folder;
}

sub limit {
    my ($groups, $order) = @_;
    my ($memory, $cpu) = ($order->{memoryBytes}, 100 * $order->{cpuMillicores});
    my %files = $groups->{version} == 1
        ? (memory => [['memory.limit_in_bytes', $memory], ['memory.memsw.limit_in_bytes', $memory]],
            pids => [['pids.max', $order->{processesMax}]],
            cpu => [['cpu.cfs_period_us', 100_000], ['cpu.cfs_quota_us', $cpu]])
        : (memory => [['memory.max', $memory], ['memory.swap.max', 0]],
            pids => [['pids.max', $order->{processesMax}]],
            cpu => [['cpu.max', "$cpu 100000"]]);
    for my $controller (sort keys %files) {
        my $folder = $groups->{$controller} // next;
        my @there = grep { -e "$folder/$_->[0]" } @{ $files{$controller} };
        my $set = @there && eval { Linux::write_file("$folder/$_->[0]", $_->[1]) for @there; 1 };
        delete $groups->{$controller} unless $set;
    }
}

# Open handles with which a process joins: opened here, used by the program's
# process itself, so that not one instruction of it runs outside.
sub doors {
    my ($groups) = @_;
    my %folders = map { $_ => 1 } grep { m{/} } values %$groups;
    return map { open my $door, '>', "$_/cgroup.procs" or die "open $_: $!\n"; $door } sort keys %folders;
}

# What was used: CPU, memory now, memory at most, kills for want of memory.
sub usage {
    my ($groups) = @_;
    my ($memory, $cpu) = @$groups{qw(memory cpuacct)};
    my ($v1, %usage) = ($groups->{version} == 1);
    if ($memory) {
        my @names = $v1 ? qw(memory.usage_in_bytes memory.max_usage_in_bytes memory.oom_control)
            : qw(memory.current memory.peak memory.events);
        my ($now, $peak, $events) = map { Linux::read_file("$memory/$_") } @names;
        $usage{memory} = int($now // 0);
        $usage{peak} = int($peak // $now // 0);
        $usage{kills} = ($events // '') =~ /^oom_kill (\d+)/m ? $1 : 0;
    }
    if ($cpu) {
        my $text = Linux::read_file($v1 ? "$cpu/cpuacct.usage" : "$cpu/cpu.stat") // '';
        $usage{cpu} = $v1 ? int(($text || 0) / 1_000_000)
            : $text =~ /^usage_usec (\d+)/m ? int($1 / 1_000) : 0;
    }
    return \%usage;
}

# Processes of the groups are dead by now, but may take a moment to be gone.
sub remove {
    my ($groups) = @_;
    for my $folder (grep { m{/} } values %$groups) {
        for (1 .. 50) {
            last if rmdir $folder or $!{ENOENT};
            select undef, undef, undef, 0.01;
        }
    }
}

1;
