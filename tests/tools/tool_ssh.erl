%% SSH: OTP's daemon serves OTP's client by a password and OpenSSH's client by a key.
-module(tool_ssh).
-export([main/0]).
main() ->
    tool_bench:in_folder("ssh", fun(Dir) ->
        tool_bench:quietly(fun() -> {ok, _} = application:ensure_all_started(ssh) end),
        System = filename:absname(filename:join(Dir, "system")),
        User = filename:absname(filename:join(Dir, "user")),
        [ok = file:make_dir(D) || D <- [System, User]],
        os:cmd("ssh-keygen -q -t rsa -N '' -f " ++ System ++ "/ssh_host_rsa_key; ssh-keygen -q -t ed25519 -N '' -f " ++ User ++ "/id_ed25519; "
               "cp " ++ User ++ "/id_ed25519.pub " ++ User ++ "/authorized_keys"),
        logger:set_primary_config(level, error),
        Exec = {direct, fun(Command) -> {ok, "did " ++ Command ++ "\n"} end},
        {ok, Daemon} = ssh:daemon({127, 0, 0, 1}, 0, [{system_dir, System}, {user_dir, User}, {password, "pw"}, {exec, Exec}]),
        {ok, Info} = ssh:daemon_info(Daemon),
        Number = proplists:get_value(port, Info),
        {ok, C} = ssh:connect("127.0.0.1", Number, [{user, "joe"}, {password, "pw"}, {silently_accept_hosts, true}, {save_accepted_host, false},
                                                     {user_dir, User}, {user_interaction, false}], 20000),
        {ok, Channel} = ssh_connection:session_channel(C, 10000),
        success = ssh_connection:exec(C, Channel, "something", 10000),
        Own = receive {ssh_cm, C, {data, Channel, 0, B}} -> B after 10000 -> none end,
        ssh:close(C),
        Other = os:cmd(lists:concat(["ssh -F none -i ", User, "/id_ed25519 -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
                                     "-o BatchMode=yes -o LogLevel=ERROR -p ", Number, " joe@127.0.0.1 thing 2>&1"])),
        Wrong = ssh:connect("127.0.0.1", Number, [{user, "joe"}, {password, "no"}, {silently_accept_hosts, true}, {save_accepted_host, false},
                                                  {auth_methods, "password"}, {user_dir, User}, {user_interaction, false}], 20000),
        ssh:stop_daemon(Daemon),
        {Own, Other, Wrong}
    end).
