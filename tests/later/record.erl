%% Compiles cases with the compiler it runs on: `-run record main OUTDIR SOURCE..`. What takes instructions that OTP 25 has not is kept,
%% without the chunks that only tools read.
-module(record).
-export([main/1]).

main([Out | Sources]) ->
    Kept = [F || Source <- Sources, F <- keep(Out, Source)],
    io:format("~b of ~b kept~n", [length(Kept), length(Sources)]),
    halt().

keep(Out, Source) ->
    {ok, Module, Beam} = compile:file(Source, [binary, deterministic]),
    case later(Beam) of
        false ->
            [];
        true ->
            {ok, _, Chunks} = beam_lib:all_chunks(Beam),
            {ok, Small} = beam_lib:build_module([C || {Id, _} = C <- Chunks, needed(Id)]),
            File = filename:join(Out, atom_to_list(Module) ++ ".beam"),
            ok = file:write_file(File, Small),
            [File]
    end.

later(Beam) ->
    {beam_file, _, _, _, _, Functions} = beam_disasm:file(Beam),
    lists:any(fun is_later/1, [I || {function, _, _, _, Code} <- Functions, I <- Code]).

is_later(I) -> is_tuple(I) andalso lists:member(element(1, I), [bs_match, update_record]).

needed(Id) -> lists:member(Id, ["AtU8", "Code", "StrT", "ImpT", "ExpT", "FunT", "LitT", "Line", "Type"]).
