-- The taxonomy: what can be taught and learned. Staff may change it; its version rises with each change.
create table taxonomy (
  is_only boolean primary key default true check (is_only),
  version integer not null
);
insert into taxonomy (version) values (1);

create table categories (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  position smallint not null
);

create table skills (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  category_id uuid not null references categories,
  -- A skill that was taken out stays with those who have it, and is offered to nobody else.
  is_retired boolean not null default false
);
create index skills_by_category on skills (category_id, slug);

-- A name in addresses: "C++" becomes "cpp".
create function slug(name text) returns text immutable language sql as $$
  select trim(both '-' from regexp_replace(
    replace(replace(replace(lower(name), '+', 'p'), '#', 'sharp'), '&', ' and '), '[^a-z0-9]+', '-', 'g'))
$$;

-- Identifiers of version 7 from the first second of 2026, the same wherever this runs.
create function seeded_id(kind text, slug text) returns uuid immutable language sql as $$
  select ('019b76daa8007' || substr(digest, 1, 3) || '8' || substr(digest, 4, 15))::uuid
  from md5(kind || ' ' || slug) digest
$$;

with seed (position, name, skills) as (
  values
    (1, 'Music',
      'Guitar; Classical Guitar; Bass Guitar; Piano; Keyboard; Violin; Viola; Cello; Flute; Saxophone; Trumpet;
      Drums; Singing; Choir Singing; Music Theory; Songwriting; Music Production; DJing'),
    (2, 'Languages',
      'English; Spanish; French; German; Italian; Portuguese; Dutch; Polish; Russian; Ukrainian; Turkish; Arabic;
      Hebrew; Hindi; Mandarin Chinese; Japanese; Korean; Latin; Sign Language; Academic Writing'),
    (3, 'Programming',
      'Python; JavaScript; TypeScript; Java; Kotlin; Swift; C; C++; C#; Go; Rust; PHP; Ruby; SQL; HTML and CSS;
      React; Mobile Development; Game Development; Algorithms; Software Testing'),
    (4, 'Data and Computing',
      'Data Analysis; Statistics with R; Machine Learning; Spreadsheets; Databases; Cloud Computing; Linux;
      Networking; Cybersecurity; Data Visualization; Computer Basics; Robotics'),
    (5, 'Design',
      'Graphic Design; UX Design; Typography; Logo Design; 3D Modelling; Animation; Interior Design; Fashion
      Design; Architecture; Illustration; Web Design'),
    (6, 'Arts and Crafts',
      'Drawing; Watercolour; Oil Painting; Calligraphy; Pottery; Sculpture; Knitting; Crochet; Sewing; Embroidery;
      Jewellery Making; Origami; Bookbinding; Printmaking'),
    (7, 'Photography and Film',
      'Portrait Photography; Landscape Photography; Photo Editing; Film Photography; Video Editing; Screenwriting;
      Directing; Sound Recording; Podcasting; Lighting'),
    (8, 'Business',
      'Accounting; Marketing; Search Engine Optimization; Sales; Project Management; Negotiation; Public Speaking;
      Business Planning; Product Management; Human Resources; Copywriting; Customer Service'),
    (9, 'Personal Finance and Law',
      'Budgeting; Investing; Tax Returns; Pension Planning; Contract Basics; Tenancy Law; Insurance Basics'),
    (10, 'Science and Mathematics',
      'Arithmetic; Algebra; Geometry; Calculus; Linear Algebra; Probability; Physics; Chemistry; Biology;
      Astronomy; Geography; Economics; Electronics'),
    (11, 'Humanities',
      'History; Philosophy; Psychology; Creative Writing; Poetry; Literature; Journalism; Art History; Religious
      Studies; Political Science'),
    (12, 'Sports and Fitness',
      'Yoga; Pilates; Running; Swimming; Strength Training; Tennis; Table Tennis; Football; Basketball; Climbing;
      Cycling; Martial Arts; Chess; Skiing; Sailing; Horse Riding'),
    (13, 'Dance and Theatre',
      'Ballet; Salsa; Tango; Hip Hop Dance; Ballroom Dance; Folk Dance; Acting; Improvisation; Stage Magic;
      Juggling'),
    (14, 'Cooking',
      'Baking; Bread Making; Pastry; Vegetarian Cooking; Italian Cooking; Indian Cooking; Japanese Cooking;
      Grilling; Fermentation; Coffee Making; Wine Tasting; Nutrition'),
    (15, 'Home and Garden',
      'Gardening; Beekeeping; Woodworking; Furniture Restoration; Plumbing; Electrical Repairs; Painting and
      Decorating; Bicycle Repair; Car Repair; Upcycling'),
    (16, 'Wellbeing and Family',
      'Meditation; Mindfulness; First Aid; Massage; Stress Management; Time Management; Parenting; Dog Training;
      Career Coaching; Job Interviews')
), made as (
  insert into categories (id, slug, name, position)
  select seeded_id('category', slug(name)), slug(name), name, position from seed
)
insert into skills (id, slug, name, category_id)
select seeded_id('skill', slug(skill)), slug(skill), skill, seeded_id('category', slug(seed.name))
from seed, regexp_split_to_table(regexp_replace(seed.skills, '\s+', ' ', 'g'), '; ') skill;

drop function seeded_id;

alter table member_skills add foreign key (skill_id) references skills;
create index member_skills_by_skill on member_skills (skill_id, member_id);
