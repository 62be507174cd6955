# What Perl has no word for: system calls by name, on x86_64 and aarch64.
package Linux;
use strict;
use warnings;
use POSIX ();

my %numbers = (    # name => [x86_64, aarch64]
    capset => [126, 91], clock_gettime => [228, 113], clone => [56, 220], close_range => [436, 436],
    fsync => [74, 82], mount => [165, 40], mount_setattr => [442, 442], pivot_root => [155, 41],
    prctl => [157, 167], prlimit64 => [302, 261], seccomp => [317, 277], setgroups => [116, 159],
    sethostname => [170, 161], setresgid => [119, 149], setresuid => [117, 147],
    signalfd4 => [289, 74], statfs => [137, 43], umount2 => [166, 39], unshare => [272, 97],
);

# The column of the tables of system calls that counts here; -1 on any other machine.
sub column {
    my $machine = (POSIX::uname())[4];
    return $machine eq 'x86_64' ? 0 : $machine eq 'aarch64' ? 1 : -1;
}

our $column = column();

# Makes a system call and gives its result, -1 with $! set if it failed. A
# reference is passed as the address of its string, anything else as a number.
sub call {
    my ($name, @arguments) = @_;
    my @words = map { ref $_ ? $_ : \(0 + $_) } @arguments, (0) x (6 - @arguments);
    my ($a, $b, $c, $d, $e, $f) = @words;    # spelled out: a list operator would pass copies
    return syscall($numbers{$name}[$column], $$a, $$b, $$c, $$d, $$e, $$f);
}

# The same for what must not fail: names the step that did.
sub must {
    my ($step, $name, @arguments) = @_;
    my $result = call($name, @arguments);
    die "$step: $!\n" if $result == -1;
    return $result;
}

use constant {
    CLONE_PARENT => 0x8000, CLONE_NEWNS => 0x20000, CLONE_NEWCGROUP => 0x02000000,
    CLONE_NEWUTS => 0x04000000, CLONE_NEWIPC => 0x08000000, CLONE_NEWUSER => 0x10000000,
    CLONE_NEWPID => 0x20000000, CLONE_NEWNET => 0x40000000,
    MS_RDONLY => 1, MS_NOSUID => 2, MS_NODEV => 4, MS_NOEXEC => 8, MS_REMOUNT => 32,
    MS_BIND => 4096, MS_REC => 16384, MS_PRIVATE => 1 << 18, MNT_DETACH => 2,
    PR_SET_PDEATHSIG => 1, PR_SET_DUMPABLE => 4, PR_SET_KEEPCAPS => 8, PR_SET_NAME => 15,
    PR_CAPBSET_DROP => 24, PR_SET_SECUREBITS => 28, PR_SET_NO_NEW_PRIVS => 38,
    PR_CAP_AMBIENT => 47, O_PATH => 010000000,
};

sub mount {
    my ($source, $target, $type, $flags, $options) = @_;
    my @strings = map { defined $_ ? "$_\0" : undef } ($source, $target, $type, $options);
    my ($s, $t, $k, $o) = map { defined $strings[$_] ? \$strings[$_] : 0 } 0 .. 3;
    return must("mount $target", 'mount', $s, $t, $k, $flags, $o);
}

# Keeps a mount, and all that is mounted below it, from being changed or used
# to gain rights. Kernels before 5.12 only know the mount itself.
sub seal_mount {
    my ($target, $attributes) = @_;    # bits as in MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    my $path = "$target\0";
    my $change = pack 'Q4', $attributes, 0, 0, 0;
    return if call('mount_setattr', -100, \$path, 0x8000, \$change, length $change) == 0;
    die "seal $target: $!\n" if $! != POSIX::ENOSYS();
    my $kept = (filesystem($target))[3] & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024);
    mount('none', $target, undef, MS_REMOUNT | MS_BIND | $kept | $attributes, undef);
}

# Block size, free blocks, free inodes and mount flags of the file system of a path.
sub filesystem {
    my $path = "$_[0]\0";
    my $answer = "\0" x 256;
    must("statfs $_[0]", 'statfs', \$path, \$answer);
    my ($size, $blocks, $free, $inodes_free, $flags) = (unpack 'q16', $answer)[1, 2, 3, 6, 10];
    return ($size, $free, $inodes_free, $flags, $blocks);
}

sub realtime_ms  { return clock_ms(0) }
sub monotonic_ms { return clock_ms(1) }

sub clock_ms {
    my $time = "\0" x 16;
    call('clock_gettime', $_[0], \$time);
    my ($seconds, $nanoseconds) = unpack 'qq', $time;
    return $seconds * 1_000 + int($nanoseconds / 1_000_000);
}

sub set_limit {
    my ($resource, $soft, $hard) = @_;
    my $limit = pack 'QQ', $soft, $hard // $soft;
    must("limit $resource", 'prlimit64', 0, $resource, \$limit, 0);
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "open $path: $!\n";
    (syswrite($file, $text) // -1) == length $text or die "write $path: $!\n";
    close $file or die "close $path: $!\n";
}

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    local $/;
    return scalar <$file>;
}

1;
