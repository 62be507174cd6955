# The system calls a program can make. What is missing here and newer than
# `newest` does not exist for it; other machine types' tables are closed to it.
package Seccomp;
use strict;
use warnings;
use POSIX ();

use constant { EPERM => 1, ENOSYS => 38, EAFNOSUPPORT => 97 };
use constant { ALLOW => 0x7fff0000, REFUSE => 0x00050000, KILL => 0x80000000 };

my $newest = 462;    # mseal, Linux 6.10

my %refused = (      # name => [x86_64, aarch64]
    # mounts and roots
    mount => [165, 40], umount2 => [166, 39], pivot_root => [155, 41], chroot => [161, 51],
    swapon => [167, 224], swapoff => [168, 225], open_tree => [428, 428], move_mount => [429, 429],
    fsopen => [430, 430], fsconfig => [431, 431], fsmount => [432, 432], fspick => [433, 433],
    mount_setattr => [442, 442], statmount => [457, 457], listmount => [458, 458],
    open_by_handle_at => [304, 265], name_to_handle_at => [303, 264], quotactl => [179, 60],
    quotactl_fd => [443, 443], fanotify_init => [300, 262], fanotify_mark => [301, 263],
    # namespaces
    unshare => [272, 97], setns => [308, 268], sethostname => [170, 161], setdomainname => [171, 162],
    # other processes
    ptrace => [101, 117], process_vm_readv => [310, 270], process_vm_writev => [311, 271],
    process_madvise => [440, 440], process_mrelease => [448, 448], pidfd_getfd => [438, 438],
    kcmp => [312, 272],
    # what reaches deep into the kernel
    bpf => [321, 280], perf_event_open => [298, 241], userfaultfd => [323, 282],
    io_uring_setup => [425, 425], io_uring_enter => [426, 426], io_uring_register => [427, 427],
    add_key => [248, 217], request_key => [249, 218], keyctl => [250, 219],
    lsm_get_self_attr => [459, 459], lsm_set_self_attr => [460, 460], lsm_list_modules => [461, 461],
    memfd_secret => [447, 447], mbind => [237, 235], set_mempolicy => [238, 237],
    get_mempolicy => [239, 236], migrate_pages => [256, 238], move_pages => [279, 239],
    set_mempolicy_home_node => [450, 450],
    # the machine
    kexec_load => [246, 104], kexec_file_load => [320, 294], init_module => [175, 105],
    finit_module => [313, 273], delete_module => [176, 106], create_module => [174, -1],
    reboot => [169, 142], settimeofday => [164, 170], clock_settime => [227, 112],
    adjtimex => [159, 171], clock_adjtime => [305, 266], syslog => [103, 116], acct => [163, 89],
    iopl => [172, -1], ioperm => [173, -1], modify_ldt => [154, -1], uselib => [134, -1],
    vhangup => [153, 58], nfsservctl => [180, 42], lookup_dcookie => [212, 18],
    _sysctl => [156, -1], sysfs => [139, -1],
);

# Memory that no process has mapped: it cannot be counted without a cgroup.
my %refused_uncounted = (memfd_create => [319, 279], shmget => [29, 194]);

my %inspected = (
    clone => [56, 220], clone3 => [435, 435], socket => [41, 198],
    personality => [135, 92], ioctl => [16, 29],
);

my @machines = (0xC000003E, 0xC00000B7);    # AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64
my $namespaces = 0x7E020000;                # every CLONE_NEW flag that clone knows

sub load_word { return [0x20, 0, 0, $_[0]] }
sub jump_equal { return [0x15, @_[1, 2], $_[0]] }
sub jump_least { return [0x35, @_[1, 2], $_[0]] }
sub jump_bits { return [0x45, @_[1, 2], $_[0]] }
sub answer { return [0x06, 0, 0, $_[0]] }
sub argument { return load_word(16 + 8 * $_[0]) }    # its low half

# A question about one call: what follows decides, and is skipped for any other.
sub about { my ($number, @rest) = @_; return (jump_equal($number, 0, scalar @rest), @rest) }

# The filter as a program for the kernel's packet machine.
sub filter {
    my ($column, $counted) = @_;
    my %all = (%refused, $counted ? () : %refused_uncounted);
    my %number = map { $_ => $inspected{$_}[$column] } keys %inspected;
    my $no = answer(REFUSE | EPERM);
    my @program = (
        load_word(4), jump_equal($machines[$column], 1, 0), answer(KILL),
        load_word(0), jump_least($newest + 1, 0, 1), answer(REFUSE | ENOSYS),
        map { about($_, $no) } sort { $a <=> $b } grep { $_ >= 0 } map { $_->[$column] } values %all,
    );
    push @program,
        about($number{clone}, argument(0), jump_bits($namespaces, 0, 1), $no, answer(ALLOW)),
        about($number{clone3}, answer(REFUSE | ENOSYS)),    # its flags cannot be seen from here
        about($number{socket}, argument(0),                 # AF_UNIX, AF_INET, AF_INET6
            jump_equal(1, 2, 0), jump_equal(2, 1, 0), jump_equal(10, 0, 1),
            answer(ALLOW), answer(REFUSE | EAFNOSUPPORT)),
        about($number{personality}, argument(0),
            jump_equal(0, 1, 0), jump_equal(0xFFFFFFFF, 0, 1), answer(ALLOW), $no),
        about($number{ioctl}, argument(1),                  # TIOCSTI, TIOCLINUX: typing for others
            jump_equal(0x5412, 1, 0), jump_equal(0x541C, 0, 1), $no, answer(ALLOW)),
        answer(ALLOW);
    return join '', map { pack 'SCCL', @$_ } @program;
}

# Puts the filter on this process and all it will start, for good.
sub apply {
    my ($column, $counted) = @_;
    my $program = filter($column, $counted);
    my $pointer = pack 'Sx![P]P', length($program) / 8, $program;
    Linux::must('no_new_privs', 'prctl', Linux::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    Linux::must('seccomp filter', 'seccomp', 1, 0, \$pointer);
}

1;
