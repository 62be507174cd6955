# The file tree that a program sees: a tree of its own, in which what
# interpreters need of the machine is mounted, read-only.
package Rootfs;
use strict;
use warnings;

use constant SEALED => Linux::MS_RDONLY | Linux::MS_NOSUID | Linux::MS_NODEV;

# Mounted over, in this mount namespace only; every machine has it.
my $new = '/tmp';

my @system_folders = qw(/usr /bin /sbin /lib /lib32 /lib64 /libx32);
my @system_files = qw(/etc/ld.so.cache /etc/alternatives);
my @devices = qw(null zero full random urandom);
my @unwritable = qw(sys irq bus fs);
my @hidden = qw(
    acpi asound cmdline config.gz driver iomem ioports kallsyms kcore key-users keys kmsg
    kpagecgroup kpagecount kpageflags latency_stats modules pagetypeinfo sched_debug scsi
    slabinfo softirqs sysrq-trigger sysvipc timer_list timer_stats vmallocinfo
);

# Builds the tree and makes it the root of this process. Needs mount, user and
# process namespaces of its own, and leaves nothing of the machine's tree behind.
sub build {
    my ($order) = @_;
    # Opened first: the binary may lie below the folder that is mounted over.
    my $node = $order->{node} eq '' ? undef : open_path($order->{node});
    Linux::mount('root', $new, 'tmpfs', Linux::MS_NOSUID | Linux::MS_NODEV, 'size=4m,mode=755');
    mkdir "$new/$_" or die "mkdir $_: $!\n" for qw(dev etc job opt proc work tmp artifacts .disk);
    bind_system($_) for @system_folders, @system_files;
    make_devices();
    make_disk($order->{diskBytes});
    make_files($order, $node);
    make_proc();
    enter();
}

sub open_path {
    my ($path) = @_;
    sysopen my $handle, $path, Linux::O_PATH or die "open $path: $!\n";
    return $handle;
}

sub bind_system {
    my ($path) = @_;
    if (-l $path) { symlink readlink $path, "$new$path" or die "symlink $path: $!\n" }
    elsif (-d $path) { mkdir "$new$path"; bind_sealed($path, "$new$path", SEALED) }
    elsif (-e $path) { Linux::write_file("$new$path", ''); bind_sealed($path, "$new$path", SEALED) }
}

sub bind_sealed {
    my ($source, $target, $attributes) = @_;
    Linux::mount($source, $target, undef, Linux::MS_BIND | Linux::MS_REC, undef);
    Linux::seal_mount($target, $attributes);
}

sub make_devices {
    for my $name (@devices) {
        Linux::write_file("$new/dev/$name", '');
        bind_sealed("/dev/$name", "$new/dev/$name", Linux::MS_NOSUID | Linux::MS_NOEXEC);
    }
    symlink '/proc/self/fd', "$new/dev/fd";
    symlink "/proc/self/fd/$$_[0]", "$new/dev/$$_[1]" for [0, 'stdin'], [1, 'stdout'], [2, 'stderr'];
    mkdir "$new/dev/shm";
}

# One file system of limited size behind every folder that can be written to.
sub make_disk {
    my ($bytes) = @_;
    my $flags = Linux::MS_NOSUID | Linux::MS_NODEV;
    Linux::mount('disk', "$new/.disk", 'tmpfs', $flags, "size=$bytes,nr_inodes=16384,mode=755");
    for my $folder (qw(work tmp artifacts dev/shm)) {
        my $part = "$new/.disk/" . $folder =~ tr{/}{-}r;
        mkdir $part or die "mkdir $part: $!\n";
        chmod 01777, $part if $folder =~ /tmp|shm/;
        Linux::mount($part, "$new/$folder", undef, Linux::MS_BIND, undef);
    }
    my $target = "$new/.disk\0";
    Linux::must('umount disk', 'umount2', \$target, Linux::MNT_DETACH);
    rmdir "$new/.disk";
}

sub make_files {
    my ($order, $node) = @_;
    Linux::write_file("$new/job/$order->{file}", $order->{source});
    Linux::write_file("$new/etc/passwd", "job:x:1000:1000::/work:/bin/sh\n");
    Linux::write_file("$new/etc/group", "job:x:1000:\n");
    Linux::write_file("$new/etc/hosts", "127.0.0.1 localhost sandbox\n");
    return unless $node;
    mkdir "$new/opt/$_" for qw(node node/bin);
    Linux::write_file("$new/opt/node/bin/node", '');
    bind_sealed('/proc/self/fd/' . fileno $node, "$new/opt/node/bin/node", SEALED);
}

sub make_proc {
    my $flags = Linux::MS_NOSUID | Linux::MS_NODEV | Linux::MS_NOEXEC;
    Linux::mount('proc', "$new/proc", 'proc', $flags, undef);
    for my $path (grep { -e } map { "$new/proc/$_" } @unwritable) {
        bind_sealed($path, $path, $flags | Linux::MS_RDONLY);
    }
    for my $path (grep { -e } map { "$new/proc/$_" } @hidden) {
        if (-d $path) { Linux::mount('none', $path, 'tmpfs', $flags | Linux::MS_RDONLY, 'size=4k') }
        else { Linux::mount('/dev/null', $path, undef, Linux::MS_BIND, undef) }
    }
}

sub enter {
    chdir $new or die "chdir: $!\n";
    my ($here, $there) = (".\0", ".\0");
    Linux::must('pivot_root', 'pivot_root', \$here, \$there);
    Linux::must('umount old root', 'umount2', \$here, Linux::MNT_DETACH);
    chdir '/' or die "chdir: $!\n";
    Linux::mount('none', '/', undef, Linux::MS_REMOUNT | Linux::MS_BIND | SEALED, undef);
}

1;
