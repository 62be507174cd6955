# What the processes in here use, where no cgroup counts it.
package Watch;
use strict;
use warnings;

my $page_bytes = POSIX::sysconf(POSIX::_SC_PAGESIZE());
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Memory and files of the program together. What is shared, or only read from
# a file, counts in full while that stays below the limit; what is told beyond
# it is what the program itself filled.
sub memory_bytes {
    my ($limit) = @_;
    my ($block, $free, undef, undef, $blocks) = Linux::filesystem('/work');
    my $files = ($blocks - $free) * $block;
    my @pids = pids();
    my $rough = $files;
    $rough += resident_bytes($_) for @pids;
    return $rough if $rough <= $limit;
    my ($private, $shared) = (0, 0);
    for my $pid (@pids) {
        my ($anonymous, $shmem) = filled_bytes($pid);
        $private += $anonymous;
        $shared += $shmem;
    }
    return $private + ($shared > $files ? $shared : $files);    # files may be mapped
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

sub filled_bytes {
    my ($pid) = @_;
    my $rollup = Linux::read_file("/proc/$pid/smaps_rollup") // '';
    my ($anonymous) = $rollup =~ /^Pss_Anon:\s+([0-9]+)/m;
    return (resident_bytes($pid), 0) unless defined $anonymous;
    my ($shmem) = $rollup =~ /^Pss_Shmem:\s+([0-9]+)/m;
    return ($anonymous * 1_024, $shmem * 1_024);
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
