# What the processes in here use, where no cgroup counts it.
package Watch;
use strict;
use warnings;

my $page_bytes = POSIX::sysconf(POSIX::_SC_PAGESIZE());
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Memory and files of the program together. What processes share is counted
# for each while that stays below the limit, and once when it is close.
sub memory_bytes {
    my ($limit) = @_;
    my ($block, $free, undef, undef, $blocks) = Linux::filesystem('/work');
    my $files = ($blocks - $free) * $block;
    my @pids = pids();
    my $rough = 0;
    $rough += resident_bytes($_) for @pids;
    return $files + $rough if $files + $rough <= $limit;
    my $exact = 0;
    $exact += proportional_bytes($_) for @pids;
    return $files + $exact;
}

sub pids {
    opendir my $folder, '/proc' or return;
    return grep { /\A[0-9]+\z/ && $_ > 1 } readdir $folder;
}

sub resident_bytes {
    my ($pid) = @_;
    my $pages = (split ' ', Linux::read_file("/proc/$pid/statm") // '')[1];
    return ($pages // 0) * $page_bytes;
}

sub proportional_bytes {
    my ($pid) = @_;
    my $rollup = Linux::read_file("/proc/$pid/smaps_rollup") // '';
    return $rollup =~ /^Pss:\s+([0-9]+)/m ? $1 * 1_024 : resident_bytes($pid);
}

# Time on a processor: of what runs, and of what they have waited for.
sub cpu_ms {
    my $sum = 0;
    for my $stat (map { Linux::read_file("/proc/$_/stat") // '' } pids()) {
        my @fields = split ' ', $stat =~ s/\A.*\)//sr;
        $sum += $_ // 0 for @fields[11 .. 14];
    }
    my ($user, $system) = (times)[2, 3];
    return int(1_000 * ($sum / $ticks + $user + $system));
}

1;
